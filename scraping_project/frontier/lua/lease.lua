-- lease: gives a worker requests to process, slot after slot, the longest waiting first.
--
-- most: how many at the most; turn: how many of a slot at the most; skip: slots the worker has enough of;
-- arm: of how many the worker may begin before its next checkpoint.
-- Returns the ids. A worker holds at most one suspect at a time.
local SLOTS_A_LOOK = 200

-- The slots whose turn it is, enough of them for `most` requests; a worker that holds a suspect passes over
-- slots that have nothing but suspects.
local function ready(most, skip, suspect)
  local unwanted, found, offset = {}, {}, 0
  for _, slot in ipairs(skip) do
    unwanted[slot] = true
  end
  while #found < most do
    local slots = rcall('ZRANGEBYSCORE', SLOTS, '-inf', this_instant, 'LIMIT', offset, SLOTS_A_LOOK)
    for _, slot in ipairs(slots) do
      if not unwanted[slot] and not (suspect and rcall('HEXISTS', PRIORITIES, slot) == 0) then
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

local function hand_out(token, request, order, armed)
  request.deliveries = request.deliveries + 1
  rcall('HSET', key('leases', token), request.id, held_record(request, order))
  if armed then
    rcall('SADD', key('armed', token), request.id)
  end
  if request.deaths > 0 then
    rcall('HSET', key('worker', token), 'suspect', request.id)
  end
  count('leased')
end

local function lease(token, most, turn, skip, arm)
  local known = rcall('HMGET', key('worker', token), 'suspect', 'handed')
  local suspect, handed = known[1], tonumber(known[2] or '0')
  local ids = {}
  for _, slot in ipairs(ready(most, skip, suspect)) do
    if #ids >= most then
      break
    end
    for _, request in ipairs(take(slot, math.min(turn, most - #ids), not suspect)) do
      hand_out(token, request, handed + #ids, #ids < arm)
      ids[#ids + 1] = request.id
      suspect = suspect or request.deaths > 0
    end
    rcall('ZADD', SLOTS, 'XX', this_instant, slot)
  end
  if #ids > 0 then
    rcall('HSET', key('worker', token), 'handed', handed + #ids)
  end
  return ids
end
