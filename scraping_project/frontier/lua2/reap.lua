-- reap: returns what dead workers held. Any worker does it, twice a lease.
--
-- args: lease (ms), grace (ms), gone (tokens known to be dead), most (leases returned of a worker at once),
-- deaths (past how many a suspect is buried)
-- Returns the tokens reaped.
--
-- In two phases: a worker past its deadline is marked, and reaped when it is still silent a lease later. When
-- the last pass is older than half a lease, Redis itself was away and nobody could extend: everybody gets
-- another lease, and nobody is reaped.
local function blame(token, ids)
  local suspect = rcall('HGET', key('worker', token), 'suspect')
  for _, id in ipairs(ids) do
    if suspect == id then
      return {[suspect] = true}
    end
  end
  local blamed = {}
  for _, id in ipairs(ids) do
    blamed[id] = true
  end
  return blamed
end

local function bury_suspect(request)
  local letter = cmsgpack.pack({reason = 'deliveries', deaths = request.deaths, at = now})
  rcall('HSET', DEAD, request.id, letter)
  rcall('HSET', BURIED, request.id, leased_record(request))
  rcall('HSET', OUTBOX, request.id, leased_record(request))
  count('dead')
end

-- Returns whether nothing is left of what the worker held.
local function return_leases(token)
  local leases, armed = key('leases', token), key('armed', token)
  local blamed = blame(token, rcall('SMEMBERS', armed))
  local records = rcall('HSCAN', leases, 0, 'COUNT', args.most)[2]
  for index = 1, #records, 2 do
    local request = read_leased(records[index + 1])
    if blamed[records[index]] then
      request.deaths = request.deaths + 1
    end
    if request.deaths > args.deaths then
      bury_suspect(request)
    elseif request.deaths > 0 then
      enqueue_suspect(request)
    else
      enqueue(request, true)
    end
    rcall('HDEL', leases, records[index])
    count('leased', -1)
  end
  return rcall('EXISTS', leases) == 0
end

local function reap_worker(token)
  if not return_leases(token) then
    return false
  end
  return_seeds(token)
  rcall('DEL', key('worker', token), key('armed', token))
  rcall('SREM', STARTING, token)
  rcall('ZREM', WORKERS, token)
  return true
end

local function silent(token)
  local worker = key('worker', token)
  local marked = tonumber(rcall('HGET', worker, 'marked'))
  if not marked then
    rcall('HSET', worker, 'marked', now)
    return false
  end
  return now >= marked + args.lease
end

local function reap()
  local last = counter('reaped')
  rcall('HSET', CRAWL, 'reaped', now)
  local late = rcall('ZRANGEBYSCORE', WORKERS, '-inf', now)
  local reaped = {}
  if now - last > args.lease / 2 + args.grace then
    for _, token in ipairs(late) do
      rcall('ZADD', WORKERS, 'XX', now + args.lease, token)
    end
    late = {}
  end
  for _, token in ipairs(late) do
    if silent(token) and reap_worker(token) then
      reaped[#reaped + 1] = token
    end
  end
  for _, token in ipairs(args.gone) do
    if rcall('ZSCORE', WORKERS, token) and reap_worker(token) then
      reaped[#reaped + 1] = token
    end
  end
  write_counts()
  return reaped
end

return reap()
