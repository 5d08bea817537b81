-- attend: what a worker says of the slots it works on, and what it may do there next.
--
-- asks: {slot, want, arm, need, in flight, waits, sent (ms ago, -1: not), delay (ms), cap, crawl (ms, -1: not known),
-- after (ms from now, 0: none), adaptive (ms, -1: nothing to say)} each; need 0 gives the permits back.
-- manners: {robots, budget, max_pages, bytes}, see permit and lease.
-- Adds to `ids` what it leases, to `grants` {slot, permits, ms they last, wait (ms), delay (ms), outcome, adaptive (ms,
-- 0: none)}; one that is refused says how long what it still holds lasts. Returns the slots that it gave back and others
-- wait for: {name = true}.
local function take_note(slot, sent, crawl, after, adaptive)
  if sent >= 0 then
    slot.sent = math.max(slot.sent or 0, now - sent)
  end
  if crawl >= 0 and crawl > (slot.crawl or 0) or after > 0 and now + after > (slot.after or 0) then
    tell(slot.name)
  end
  if crawl >= 0 then
    slot.crawl = math.max(slot.crawl or 0, crawl)
  end
  if after > 0 then
    slot.after = math.max(slot.after or 0, now + after)
  end
  if adaptive >= 0 then
    slot.adaptive = adaptive
  end
  slots_changed[slot.name] = slot
end

local function give_back(token, slot)
  slot.permits[token], slot.since = nil, nil
  rcall('SREM', key('permits', token), slot.name)
  rcall('ZADD', SLOTS, 'XX', math.max(free_at(slot), this_instant), slot.name)
end

-- A crawl that is paused still hears what the sites said.
local function take_notes(token, asks)
  for _, ask in ipairs(asks) do
    local slot = slot_of(ask[1])
    take_note(slot, ask[7], ask[10], ask[11], ask[12])
    if ask[4] == 0 then
      give_back(token, slot)
    end
  end
end

local function lasts(token, slot, outcome)
  local held = slot.permits[token]
  return outcome == BLOCKED and PERMIT_MS or held and held.till - now or 0
end

local function attend_one(token, ask, manners, ids, grants, yielded)
  local slot = slot_of(ask[1])
  take_note(slot, ask[7], ask[10], ask[11], ask[12])
  if ask[4] == 0 then
    give_back(token, slot)
    yielded[slot.name] = slot.wanted and true
    return
  end
  local asked = {need = ask[4], in_flight = ask[5], waits = ask[6], delay = ask[8], cap = ask[9],
    robots = manners.robots}
  local permits, wait, outcome = permit(token, slot, asked)
  if outcome == GRANTED or outcome == BLOCKED then
    lease_from(token, slot.name, ask[2], ask[3], manners, ids)
  end
  next_turn(slot, wait, outcome)
  grants[#grants + 1] = {slot.name, permits, lasts(token, slot, outcome), wait, slot.delay or 0, outcome,
    slot.adaptive or 0}
end

local function attend(token, asks, manners, ids, grants)
  local yielded = {}
  for _, ask in ipairs(asks) do
    attend_one(token, ask, manners, ids, grants, yielded)
  end
  return yielded
end
