-- leave: a worker goes; what it still holds goes back to its queues.
--
-- args: token
-- Returns how many requests it gave back.
local function leave()
  if not rcall('ZSCORE', WORKERS, args.token) then
    return 0
  end
  local ends = {}
  for _, id in ipairs(rcall('HKEYS', key('leases', args.token))) do
    ends[#ends + 1] = {id}
  end
  release(args.token, ends)
  return_seeds(args.token)
  rcall('DEL', key('worker', args.token), key('armed', args.token), key('leases', args.token))
  rcall('SREM', STARTING, args.token)
  rcall('ZREM', WORKERS, args.token)
  write_counts()
  return #ends
end

return leave()
