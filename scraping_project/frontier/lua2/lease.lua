-- lease: gives a worker requests to process, slot after slot, the longest waiting first.
--
-- most: how many at the most; turn: how many of a slot at a time; skip: slots the worker has enough of;
-- arm: of how many the worker may begin before its next checkpoint.
-- Returns the ids. A worker holds at most one suspect at a time.
local SLOTS_A_LOOK = 200

local function holds_suspect(token)
  return rcall('HGET', key('worker', token), 'suspect')
end

local function hand_out(token, request, armed)
  request.deliveries = request.deliveries + 1
  rcall('HSET', key('leases', token), request.id, leased_record(request))
  if armed then
    rcall('SADD', key('armed', token), request.id)
  end
  count('leased')
end

local function lease(token, most, turn, skip, arm)
  local unwanted = {}
  for _, slot in ipairs(skip) do
    unwanted[slot] = true
  end
  local suspect = holds_suspect(token)
  if suspect and rcall('HEXISTS', key('leases', token), suspect) == 0 then
    suspect = nil
  end
  local ids, turns = {}, 0
  local slots = rcall('ZRANGEBYSCORE', SLOTS, '-inf', now, 'LIMIT', 0, SLOTS_A_LOOK)
  for _, slot in ipairs(slots) do
    if #ids >= most then
      break
    end
    if not unwanted[slot] then
      for _, request in ipairs(take(slot, math.min(turn, most - #ids), not suspect)) do
        hand_out(token, request, #ids < arm)
        ids[#ids + 1] = request.id
        if request.deaths > 0 then
          suspect = request.id
          rcall('HSET', key('worker', token), 'suspect', request.id)
        end
      end
      turns = turns + 1
      rcall('ZADD', SLOTS, 'XX', now - 1 + turns / 1000, slot)
    end
  end
  return ids
end
