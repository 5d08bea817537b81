-- What a worker holds: each end of a lease names the request and the delivery, so that an end that comes
-- after the lease was given to another worker changes nothing and is counted.
local function held(token, id, delivery)
  local record = rcall('HGET', key('leases', token), id)
  local request = record and read_held(record)
  if request and request.deliveries == delivery then
    return request
  end
  count('stale')
  return nil
end

-- All that a worker holds, the last leased first: put back to the front in this order, it lies as it lay.
local function all_held(token)
  local fields, requests = rcall('HGETALL', key('leases', token)), {}
  for index = 2, #fields, 2 do
    requests[#requests + 1] = read_held(fields[index])
  end
  table.sort(requests, function(a, b) return a.order > b.order end)
  return requests
end

local function let_go(token, request)
  rcall('HDEL', key('leases', token), request.id)
  rcall('SREM', key('armed', token), request.id)
  if request.deaths > 0 then
    rcall('HDEL', key('worker', token), 'suspect')
  end
  count('leased', -1)
end
