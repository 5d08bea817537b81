-- extend: keeps a worker's leases for another while.
--
-- args: token, lease (ms)
-- Returns 1, or 0 when the worker was reaped.
if not rcall('ZSCORE', WORKERS, args.token) then
  return 0
end
rcall('ZADD', WORKERS, 'XX', now + args.lease, args.token)
rcall('HDEL', key('worker', args.token), 'marked')
return 1
