-- extend: keeps a worker's leases for another while.
--
-- args: token, lease (ms)
-- Returns 1, or 0 when the worker was reaped.
local worker = key('worker', args.token)
if rcall('HEXISTS', worker, 'sequence') == 0 then
  return 0
end
rcall('HDEL', worker, 'marked')  -- first, for Redis would refuse ZADD as the first write when it is full
rcall('ZADD', WORKERS, 'XX', now + args.lease, args.token)
return 1
