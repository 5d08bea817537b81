-- checkpoint: what a worker has to say and wants to have, in one step.
--
-- args: token, epoch, sequence, lease (ms)
--   push, move, nack, bury, release, ack: lists, see the verbs
--   taken: seeds that these pushes came from, to be removed from the worker's own list
--   filtered: {reason = number}; pages: newly answered; started: true once all start requests are pushed
--   logged: ids of dead letters of the reaper whose log row is committed
--   arm: ids it may begin from now on; want, turn, skip, arm_new: see lease
-- Returns {status, now, flags of push, the requests leased, ledger, letters, finished}; a repeat of the last sequence
-- changes nothing and returns the same.
--   status: 0 done, -1 this worker was reaped or never joined, -2 its crawl is over, -3 an old sequence
local WORKER = key('worker', args.token)
local LEDGER = {'discovered', 'queued', 'delayed', 'leased', 'done', 'dead', 'pages', 'paused'}

local function described(ids)
  local requests = {}
  for _, id in ipairs(ids) do
    local record = rcall('HGET', key('leases', args.token), id)
    if record then
      local request = read_leased(record)
      requests[#requests + 1] = {request.id, request.attempt, request.deliveries, request.deaths,
        request.slot, request.priority, request.payload}
    end
  end
  return requests
end

local function ledger()
  local numbers = rcall('HMGET', CRAWL, unpack(LEDGER))
  for index = 1, #LEDGER do
    numbers[index] = tonumber(numbers[index] or '0')
  end
  return numbers
end

local function letters()
  return rcall('HRANDFIELD', OUTBOX, 10, 'WITHVALUES')
end

local function answer(flags, ids)
  return {0, now, flags, described(ids), ledger(), letters(), finished() and 1 or 0}
end

local function checkpoint()
  local known = rcall('HMGET', WORKER, 'sequence', 'flags', 'ids')
  local last = tonumber(known[1])
  if not last then
    return {-1, now}
  elseif args.epoch ~= tonumber(rcall('HGET', CRAWL, 'epoch')) then
    return {-2, now}
  elseif args.sequence == last then
    return answer(known[2], cmsgpack.unpack(known[3]))
  elseif args.sequence < last then
    return {-3, now}
  end

  -- Redis looks at its memory at a script's first write only: what adds most comes first.
  local flags = push(args.push)
  move(args.token, args.move)
  nack(args.token, args.nack)
  bury(args.token, args.bury)
  release(args.token, args.release)
  ack(args.token, args.ack)
  for _, seed in ipairs(args.taken) do
    rcall('LREM', key('seeds', args.token), 1, seed)
  end
  for reason, by in pairs(args.filtered) do
    count('filtered:' .. reason, by)
  end
  count('pages', args.pages)
  for _, id in ipairs(args.logged) do
    rcall('HDEL', OUTBOX, id)
  end
  for _, id in ipairs(args.arm) do
    if rcall('HEXISTS', key('leases', args.token), id) == 1 then
      rcall('SADD', key('armed', args.token), id)
    end
  end
  if args.started then
    rcall('SREM', STARTING, args.token)
  end

  local ids = {}
  if rcall('HGET', CRAWL, 'paused') ~= '1' then
    due(500)
    ids = lease(args.token, args.want, args.turn, args.skip, args.arm_new)
  end
  seen_write()
  write_counts()
  rcall('HSET', WORKER, 'sequence', args.sequence, 'flags', flags, 'ids', cmsgpack.pack(ids))
  rcall('ZADD', WORKERS, 'XX', now + args.lease, args.token)
  return answer(flags, ids)
end

return checkpoint()
