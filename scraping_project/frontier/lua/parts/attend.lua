-- attend: takes a worker's asks for the slots it works on, and grants what it may do there next.
--
-- asks: {slot, want, arm, need, in_flight, waits, sent_ms (ago, -1: not), delay_ms, cap, crawl_delay_ms (-1: not known),
-- after_ms (from now, 0: none), adaptive_ms (-1: not known)} each; need 0 gives the permits back.
-- manners: {robots, budget, max_pages, bytes}, see permit and lease.
-- Adds to `ids` what it leases, and to `grants`, see grant_of; one that is refused says how long what it still holds
-- lasts. Returns the slots that it gave back and others wait for: {name = true}.
local function take_note(slot, ask)
  if ask.sent_ms >= 0 then
    slot.sent = math.max(slot.sent or 0, now - ask.sent_ms)
  end
  local crawl_delay, after = ask.crawl_delay_ms, ask.after_ms
  if crawl_delay > (slot.crawl or 0) or after > 0 and now + after > (slot.after or 0) then
    tell(slot.name)
  end
  if crawl_delay >= 0 then
    slot.crawl = math.max(slot.crawl or 0, crawl_delay)
  end
  if after > 0 then
    slot.after = math.max(slot.after or 0, now + after)
  end
  if ask.adaptive_ms >= 0 then
    slot.adaptive = ask.adaptive_ms
  end
  slots_changed[slot.name] = slot
end

local function give_back(token, slot)
  slot.permits[token], slot.since = nil, nil
  rcall('SREM', key('permits', token), slot.name)
  rcall('ZADD', SLOTS, 'XX', math.max(free_at(slot), this_instant), slot.name)
end

-- A crawl that is paused still takes note of what the sites ask for.
local function take_notes(token, asks)
  for _, ask in ipairs(asks) do
    local slot = slot_of(ask.slot)
    take_note(slot, ask)
    if ask.need == 0 then
      give_back(token, slot)
    end
  end
end

local function lasts(token, slot, outcome)
  local held = slot.permits[token]
  return outcome == BLOCKED and PERMIT_MS or held and held.till - now or 0
end

local function attend_one(token, ask, manners, ids, grants, yielded)
  local slot = slot_of(ask.slot)
  take_note(slot, ask)
  if ask.need == 0 then
    give_back(token, slot)
    yielded[slot.name] = slot.wanted and true
    return
  end
  local asked = {need = ask.need, in_flight = ask.in_flight, waits = ask.waits, delay = ask.delay_ms, cap = ask.cap,
    robots = manners.robots}
  local permits, wait, outcome = permit(token, slot, asked)
  if outcome == GRANTED or outcome == BLOCKED then
    lease_from(token, slot.name, ask.want, ask.arm, manners, ids)
  end
  next_turn(slot, wait, outcome)
  grants[#grants + 1] = grant_of(slot, permits, lasts(token, slot, outcome), wait, outcome)
end

local function attend(token, asks, manners, ids, grants)
  local yielded = {}
  for _, ask in ipairs(asks) do
    attend_one(token, ask, manners, ids, grants, yielded)
  end
  return yielded
end
