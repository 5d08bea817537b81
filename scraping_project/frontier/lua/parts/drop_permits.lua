-- The permits of a worker that is gone, or goes, are worth nothing from now on; a script sees to so many slots.
local SLOTS_A_SCRIPT = 500
local slots_to_see = SLOTS_A_SCRIPT

-- Returns whether that was all.
local function drop_permits(token)
  local names = slots_to_see > 0 and rcall('SPOP', key('permits', token), slots_to_see) or {}
  slots_to_see = slots_to_see - #names
  for _, name in ipairs(names) do
    local slot = slot_of(name)
    local permit = slot.permits[token]
    if permit then
      slot.sent = math.max(slot.sent or 0, math.min(permit.till, now))
      slot.permits[token] = nil
      slots_changed[name] = slot
      rcall('ZADD', SLOTS, 'XX', math.max(free_at(slot), this_instant), name)
    end
  end
  return rcall('EXISTS', key('permits', token)) == 0
end
