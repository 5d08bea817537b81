-- letters_found: some of the dead letters, found by a cursor; a script reads so many, or fewer where they are large.
local LOOKED_AT_BYTES = 4194304

-- Returns the next cursor, '0' at the end, and {id, slot, letter} each. What is no request is left out.
local function letters_found(cursor, most)
  local page, letters = rcall('HSCAN', DEAD, cursor, 'COUNT', fitting(most, LOOKED_AT_BYTES)), {}
  for index = 1, #page[2], 2 do
    local id, letter = page[2][index], page[2][index + 1]
    local record = string.find(id, '^%d+$') and #id <= 13 and rcall('HGET', BURIED, id)
    local request = record and read_leased(record)
    if request then
      letters[#letters + 1] = {id, request.slot, letter}
    end
  end
  return page[1], letters
end
