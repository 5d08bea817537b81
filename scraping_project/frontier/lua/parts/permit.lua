-- permit: lets a worker have requests of a slot in flight for the next seconds.
--
-- A slot with a delay has one holder at a time, whose own clock keeps the gaps; so has one whose robots.txt is not
-- known yet. Without a delay its permits are shared among the workers that ask, `cap` of them in all.
local PERMIT_MS, TURN_MS, TOO_FAR_MS, LOOK_AGAIN_MS = LONGEST_PERMIT_MS, 5000, 2000, 250
local GRANTED, REFUSED, YIELD, PAUSED, BLOCKED = 0, 1, 2, 3, 4
local LACKING_MS = 2500  -- a worker that lacks permits asks again sooner

local function held_by_others(slot, token)
  local permits, holders, longest = 0, 0, 0
  for other, permit in pairs(slot.permits) do
    if other ~= token then
      permits, holders = permits + permit.count, holders + 1
      longest = math.max(longest, permit.till)
    end
  end
  return permits, holders, longest
end

local function permit_alone(slot, mine, asked, holders)
  if holders > 0 then
    slot.wanted = asked.waits and 1 or slot.wanted
    return 0, REFUSED
  elseif mine and slot.wanted and now - (slot.since or 0) > TURN_MS then
    return 0, YIELD
  elseif not mine then
    slot.since, slot.wanted = now, nil
  end
  return math.min(asked.need, asked.cap), GRANTED
end

-- Each gets what is left, or a fair share; who has more than that gives back while somebody lacks it, who
-- may not be a holder yet.
local function permit_shared(slot, mine, asked, others, holders)
  local lacking = now - (slot.lacked or 0) < LACKING_MS
  local sharers = math.max(holders + 1, lacking and slot.sharers or 1)
  local share = math.max(1, math.floor(asked.cap / sharers))
  local permits = math.min(asked.need, math.max(asked.cap - others, 0))
  if permits < math.min(asked.need, share) then
    slot.lacked, slot.sharers = now, sharers
  elseif mine and lacking and permits > share then
    permits = share
  end
  return permits, permits > 0 and GRANTED or REFUSED
end

-- asked: {delay (ms), cap, need, in_flight, waits, robots: whether robots.txt is obeyed}
-- Returns how many permits, the wait before the first request (ms), and what it came to.
local function permit(token, slot, asked)
  local order, mine = order_of(slot.name), slot.permits[token]
  if order.blocked then
    return asked.need, 0, BLOCKED
  elseif order.paused then
    return 0, 1000, PAUSED
  end
  slots_changed[slot.name] = slot
  slot.cap = asked.cap
  slot.delay = math.max(order.delay or asked.delay, slot.crawl or 0, slot.adaptive or 0)
  local wait = math.max((slot.after or 0) - now, 0)
  if not mine then
    wait = math.max(wait, (slot.sent or 0) + slot.delay - now)
    if wait > TOO_FAR_MS then
      return 0, wait, REFUSED
    end
  end
  local others, holders, longest = held_by_others(slot, token)
  local permits, outcome
  if slot.delay > 0 or asked.cap == 1 or (asked.robots and not slot.crawl) then
    permits, outcome = permit_alone(slot, mine, asked, holders)
    wait = outcome == REFUSED and longest + slot.delay - now or wait
  else
    permits, outcome = permit_shared(slot, mine, asked, others, holders)
    wait = outcome == REFUSED and LOOK_AGAIN_MS or wait
  end
  if outcome == GRANTED then  -- what is in flight beyond them is nobody else's yet
    slot.permits[token] = {count = math.max(permits, asked.in_flight), till = now + PERMIT_MS}
    if not mine then
      rcall('SADD', key('permits', token), slot.name)
    end
  elseif mine and asked.in_flight > 0 then  -- it may begin nothing, and nobody else may either
    slot.permits[token] = {count = asked.in_flight, till = now + PERMIT_MS}
  end
  return permits, wait, outcome
end

-- What a worker may do in a slot from now on, as its worker keeps it for a repeat of the step.
local function grant_of(slot, permits, lasts_ms, wait_ms, outcome)
  return {slot = slot.name, permits = permits, lasts_ms = lasts_ms, wait_ms = wait_ms, delay_ms = slot.delay or 0,
    outcome = outcome, adaptive_ms = slot.adaptive or 0}
end

-- Puts the slot where those who look for work find it when there is some for them.
local function next_turn(slot, wait, outcome)
  if outcome == GRANTED and slot.delay > 0 then
    rcall('ZADD', SLOTS, 'XX', free_at(slot), slot.name)
  elseif outcome == GRANTED or outcome == BLOCKED then
    rcall('ZADD', SLOTS, 'XX', this_instant, slot.name)
  elseif outcome ~= YIELD then
    rcall('ZADD', SLOTS, 'XX', now + wait, slot.name)
  end
end
