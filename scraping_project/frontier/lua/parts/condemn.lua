-- What becomes of the work of a worker that is dead. A suspect that `deaths` workers have died of is buried.
local function bury_suspect(request)
  local letter = cjson.encode({reason = 'deliveries', deaths = request.deaths, at = now})
  add_letter(request, letter)
  rcall('HSET', OUTBOX, request.id, leased_record(request))
end

-- From here on a worker cannot come back, be it returned in several passes. Armed are left those that its death
-- counts against: the suspect that it had begun, or else all that it had begun.
local function condemn(token)
  local worker, armed = key('worker', token), key('armed', token)
  if rcall('HDEL', worker, 'sequence') == 0 then
    return
  end
  rcall('ZADD', WORKERS, 0, token)
  local suspect = rcall('HGET', worker, 'suspect')
  if suspect and rcall('SISMEMBER', armed, suspect) == 1 then
    rcall('DEL', armed)
    rcall('SADD', armed, suspect)
  end
end

local function return_lease(token, request, deaths)
  local blamed = rcall('SREM', key('armed', token), request.id)
  request.deaths = request.deaths + blamed
  if request.deaths >= deaths then
    bury_suspect(request)
  else
    put_back(request, blamed == 1 and request.deaths > 1)
  end
  rcall('HDEL', key('leases', token), request.id)
  count('leased', -1)
end

-- Returns how many requests and bytes may still be returned after it, of `most` and `bytes`, and whether it was all.
local function reap_worker(token, most, bytes, deaths)
  condemn(token)
  local permits_dropped = drop_permits(token)
  local requests = most > 0 and bytes > 0 and last_held(token, fitting(most, bytes)) or {}
  for _, request in ipairs(requests) do
    return_lease(token, request, deaths)
    most, bytes = most - 1, bytes - #request.payload
  end
  if not (permits_dropped and holds_nothing(token)) then
    return most, bytes, false
  end
  return_seeds(token)
  remove_worker(token)
  return most, bytes, true
end

local function condemned(token)
  return rcall('HEXISTS', key('worker', token), 'sequence') == 0
end
