-- leave: a worker goes; what it still holds goes back to its queues, some of it with each call.
--
-- args: token, most (requests given back at once)
-- Returns {how many requests it gave back, 1 while there are more}.
--
-- From the first call on it can't come back. If it makes no other, the worker that reaps it does the rest; what it holds was
-- given back, so it is not to blame.
local function begin(token)
  local worker = key('worker', token)
  if rcall('HDEL', worker, 'sequence') == 1 then
    rcall('HSET', worker, 'leaving', 1)
    rcall('UNLINK', key('armed', token))
    rcall('ZADD', WORKERS, 'XX', 0, token)
  end
  return rcall('HEXISTS', worker, 'leaving') == 1
end

local function leave()
  even_when_full()
  return_seeds(args.token)
  if not begin(args.token) then
    return {0, 0}
  end
  local permits_dropped = drop_permits(args.token)
  local requests = last_held(args.token, args.most)
  for _, request in ipairs(requests) do
    untouched(args.token, request)
  end
  local is_through = permits_dropped and holds_nothing(args.token)
  if is_through then
    remove_worker(args.token)
  end
  write_slots()
  write_counts()
  return {#requests, is_through and 0 or 1}
end

return leave()
