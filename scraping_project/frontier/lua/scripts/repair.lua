-- repair: takes what the database knows of the crawl: requests that it forgot, others that are done.
--
-- args: token, epoch, lease (ms): of who repairs, a worker that leases nothing and keeps the crawl from being finished
-- meanwhile; highest: the highest request id that the database knows
--   push: as in push; done: {fingerprint, pages} each, requests that are done
--   ends: {place, slot or token, priority, record, id, delivery, pages} each, waiting requests that are done
-- Returns {status, how many were pushed, how many were marked as done, how many waited and are done, how many of ends
-- were looked for: the others are to be sent again}; what is known already changes nothing.
--   status: 0 done, -1 this worker was reaped, -2 its crawl is over
local function put_back(requests)
  local number = 0
  for _, request in ipairs(requests) do
    if not seen(request[1]) then
      count('discovered')
      enqueue({id = rcall('HINCRBY', CRAWL, 'next', 1), attempt = 1, deliveries = 0, deaths = 0,
        slot = request[2], priority = request[3], payload = request[4]}, false)
      number = number + 1
    end
  end
  return number
end

local function mark(done)
  local number = 0
  for _, each in ipairs(done) do
    if not seen(each[1]) then
      count('discovered')
      count('done')
      count('pages', each[2])
      number = number + 1
    end
  end
  return number
end

local function finish(ends)
  local number = 0
  for index, each in ipairs(ends) do
    if not may_look() then
      return number, index - 1
    elseif withdraw[each[1]](each) then
      count('done')
      count('pages', each[7])
      number = number + 1
    end
  end
  return number, #ends
end

local function repair()
  if rcall('HEXISTS', key('worker', args.token), 'sequence') == 0 then
    return {-1}
  elseif args.epoch ~= tonumber(EPOCH) then
    return {-2}
  end
  rcall('SADD', STARTING, args.token)  -- first, for Redis refuses it when its memory is full, and then all of this
  if counter('next') < args.highest then
    rcall('HSET', CRAWL, 'next', args.highest)  -- no new request gets the number of one that has rows
  end
  local pushed = put_back(args.push)
  local ended, looked_for = finish(args.ends)
  local marked = mark(args.done)
  seen_write()
  write_counts()
  rcall('ZADD', WORKERS, 'XX', now + args.lease, args.token)
  return {0, pushed, marked, ended, looked_for}
end

return repair()
