-- order: the operator's order for a slot, which all workers learn at their next checkpoint.
--
-- args: slot, order (JSON: delay (ms), paused, blocked; '' to forget it)
if args.order == '' then
  rcall('HDEL', ORDERS, args.slot)
else
  rcall('HSET', ORDERS, args.slot, args.order)
end
rcall('ZADD', SLOTS, 'XX', this_instant, args.slot)
tell(args.slot)
return 1
