-- The permits of a worker that is gone, or goes, are worth nothing from now on.
local function drop_permits(token)
  for _, name in ipairs(rcall('SMEMBERS', key('permits', token))) do
    local slot = slot_of(name)
    local permit = slot.permits[token]
    if permit then
      slot.sent = math.max(slot.sent or 0, math.min(permit.till, now))
      slot.permits[token] = nil
      slots_changed[name] = slot
      rcall('ZADD', SLOTS, 'XX', math.max(free_at(slot), this_instant), name)
    end
  end
  rcall('DEL', key('permits', token))
end
