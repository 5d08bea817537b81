-- find_letters: the dead letters of a reason and a slot, among some that are looked at with each call.
--
-- args: cursor ('0' to begin, or else what the last call returned), most (about so many letters with each call),
-- reason and slot (false: any)
-- Returns {cursor, how many it looked at, id, reason and slot of each that it found}; cursor '0' at the end.
local function find_letters()
  local cursor, letters = letters_found(args.cursor, args.most)
  local found = {cursor, #letters}
  for _, each in ipairs(letters) do
    local reason, slot = reason_of(each[3]), each[2]
    if (not args.reason or reason == args.reason) and (not args.slot or slot == args.slot) then
      found[#found + 1] = {each[1], reason, slot}
    end
  end
  return found
end

return find_letters()
