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

local function let_go(token, request)
  rcall('HDEL', key('leases', token), request.id)
  rcall('SREM', key('armed', token), request.id)
  if request.deaths > 0 then
    rcall('HDEL', key('worker', token), 'suspect')
  end
  count('leased', -1)
end
