-- holdings: what a worker that goes, or is dead, still holds, the last leased first: put back to the front in this
-- order, it lies as it lay. However much it holds, a script looks at some of it: its leases change no more, and are
-- put in order bit by bit.
local GATHERED_A_SCRIPT = 2000
local to_gather = GATHERED_A_SCRIPT

-- Returns whether all are in order.
local function gather(token)
  local worker, order, leases = key('worker', token), key('returning', token), key('leases', token)
  local cursor = rcall('HGET', worker, 'gathered') or '0'
  while cursor ~= 'all' and to_gather > 0 do
    local page = rcall('HSCAN', leases, cursor, 'COUNT', 500)
    for index = 1, #page[2], 2 do
      local request = read_held(page[2][index + 1])
      rcall('ZADD', order, request and request.order or 0, page[2][index])
    end
    to_gather = to_gather - math.max(#page[2] / 2, 1)
    cursor = page[1] == '0' and 'all' or page[1]
  end
  rcall('HSET', worker, 'gathered', cursor)
  return cursor == 'all'
end

local function read_holding(token, id)
  local record = rcall('HGET', key('leases', token), id)
  local request = record and read_held(record)
  if record and not (request and string.format('%.0f', request.id) == id) then
    put_aside(record, '', 0)
    rcall('HDEL', key('leases', token), id)
    return nil
  end
  return request or nil
end

-- `most` of them at the most; the caller sees to it that they are leased no more.
local function last_held(token, most)
  local requests = {}
  if most < 1 or rcall('EXISTS', key('leases', token)) == 0 or not gather(token) then
    return requests
  end
  local found = rcall('ZPOPMAX', key('returning', token), most)
  for index = 1, #found, 2 do
    requests[#requests + 1] = read_holding(token, found[index])
  end
  return requests
end

local function holds_nothing(token)
  return rcall('EXISTS', key('leases', token)) == 0
end
