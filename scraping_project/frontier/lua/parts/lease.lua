-- lease: gives a worker requests to process, from slots that are free, the longest waiting first.
--
-- demand: most: how many at the most; turn: how many of a slot without a delay; skip: slots the worker has enough of;
-- arm: of how many it may begin before its next checkpoint; ahead: of a slot with a delay it gets what may be sent in
-- so many ms; own: slot to {delay, cap}, for others the demand's delay (ms) and cap hold; robots: see
-- permit; budget: so many requests of a slot are handed out in a crawl, 0 for all; max_pages: so many pages of the
-- crawl are to be answered, 0 for all; bytes: leased for the asks, or one that is larger, and as many beside them; 0: none.
-- Adds to `ids` {id, armed, too many} and to `grants`. A worker holds at most one suspect at a time.
local SLOTS_A_LOOK, LOOKS = 200, 10
local HANDED = of_crawl('handed')

-- One that is too many is not to be sent: it is neither armed, nor is this a delivery of it.
local function hand_out(token, request, order, armed, too_many)
  request.deliveries = request.deliveries + (too_many and 0 or 1)
  rcall('HSET', key('leases', token), request.id, held_record(request, order))
  if armed then
    rcall('SADD', key('armed', token), request.id)
  end
  if request.deaths > 0 then
    rcall('HSET', key('worker', token), 'suspect', request.id)
  end
  count('leased')
end

local suspect_held, handed_out
local function read_holder(token)
  if handed_out then
    return
  end
  local known = rcall('HMGET', key('worker', token), 'suspect', 'handed')
  suspect_held, handed_out = known[1], tonumber(known[2] or '0') or 0
end

local function write_holder(token)
  if handed_out then
    rcall('HSET', key('worker', token), 'handed', handed_out)
  end
end

-- Whether a request comes after its slot's budget was spent; else it is counted there, once: one that was delivered or
-- tried before has been.
local function is_too_many(request, budget)
  if budget == 0 or request.attempt > 1 or request.deliveries > 0
    or rcall('HINCRBY', HANDED, request.slot, 1) <= budget then
    return false
  end
  rcall('HINCRBY', HANDED, request.slot, -1)
  return true
end

-- How many may be leased so that the crawl gets no more than `max_pages` answers: whatever is leased, by whomever, may
-- bring one. An answer is counted in the step that ends its lease, or before it.
local function lacking(max_pages)
  return max_pages == 0 and math.huge or math.max(max_pages - counter('pages') - counter('leased'), 0)
end

local bytes_left
local function has_room(bytes)
  bytes_left = bytes_left or bytes
  return bytes_left > 0
end

-- Returns how many it leased.
local function lease_from(token, name, most, arm, limits, ids)
  most = math.min(most, lacking(limits.max_pages))
  if most < 1 or not has_room(limits.bytes) then
    return 0
  end
  read_holder(token)
  local requests
  requests, bytes_left = take(name, most, bytes_left, not suspect_held)
  for index, request in ipairs(requests) do
    local too_many = is_too_many(request, limits.budget)
    local armed = index <= arm and not too_many
    hand_out(token, request, handed_out, armed, too_many)
    handed_out = handed_out + 1
    ids[#ids + 1] = {request.id, armed, too_many}
    suspect_held = suspect_held or request.deaths > 0
  end
  return #requests
end

-- The slots whose turn it is, enough of them for `most` requests; a worker that holds a suspect passes over
-- slots that have nothing but suspects, so many looks at the most: others take those.
local function ready(most, unwanted)
  local found, offset = {}, 0
  while #found < most and offset < LOOKS * SLOTS_A_LOOK do
    local slots = rcall('ZRANGEBYSCORE', SLOTS, '-inf', this_instant, 'LIMIT', offset, SLOTS_A_LOOK)
    for _, slot in ipairs(slots) do
      if not unwanted[slot] and not (suspect_held and rcall('HEXISTS', PRIORITIES, slot) == 0) then
        found[#found + 1] = slot
      end
    end
    if #slots < SLOTS_A_LOOK then
      break
    end
    offset = offset + SLOTS_A_LOOK
  end
  return found
end

local function asked_of(name, demand)
  local own = demand.own[name] or {demand.delay, demand.cap}
  return {delay = own[1], cap = own[2], need = math.min(demand.turn, own[2]), in_flight = 0, waits = false,
    robots = demand.robots}
end

local function lease_of(token, name, demand, leased_so_far, ids, grants)
  if holds_no_request(name) then
    rcall('ZREM', SLOTS, name)
    return 0
  end
  local slot, asked = slot_of(name), asked_of(name, demand)
  local permits, wait, outcome = permit(token, slot, asked)
  local leased = 0
  if outcome == GRANTED or outcome == BLOCKED then
    local delay = slot.delay or 0
    local quota = delay > 0 and 1 + math.floor(demand.ahead / delay) or demand.turn
    local armed = delay > 0 and 1 or math.max(demand.arm - leased_so_far, 0)
    leased = lease_from(token, name, math.min(quota, demand.most - leased_so_far), armed, demand, ids)
    grants[#grants + 1] = {name, permits, PERMIT_MS, wait, delay, outcome, slot.adaptive or 0}
  end
  next_turn(slot, wait, outcome)
  return leased
end

-- unwanted: {slot = true}, whose turn is others'; to these come those that it skips, and that have a grant.
local function lease(token, demand, unwanted, ids, grants)
  local leased = 0
  local most = math.min(demand.most, lacking(demand.max_pages))  -- or slots were held that nothing is leased from
  for _, name in ipairs(demand.skip) do
    unwanted[name] = true
  end
  for _, grant in ipairs(grants) do
    unwanted[grant[1]] = true
  end
  read_holder(token)
  bytes_left = demand.bytes  -- of its own: large requests of the slots it works on would keep out all others
  for _, name in ipairs(ready(most, unwanted)) do
    if leased >= most or not has_room(demand.bytes) then
      break
    end
    leased = leased + lease_of(token, name, demand, leased, ids, grants)
  end
end
