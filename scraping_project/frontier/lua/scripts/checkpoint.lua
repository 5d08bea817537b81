-- checkpoint: takes a worker's messages and demand, and replies, in one step.
--
-- args: token, epoch, sequence, lease_ms
--   push, refuse, move, nack, bury, release, ack: lists, see the verbs; ack_parents: as ack, of what has pushed
--   taken: seeds that these pushes came from, to be removed from the worker's own list
--   filtered: {reason = number}; pages: newly answered; started: true once all start requests are pushed
--   logged: ids of dead letters of the reaper whose log row is committed
--   arm: ids it may begin from now on; asks: see attend; want, lease_bytes, turn, skip, arm_new, ahead_ms: see lease
--   lifo: what is pushed comes first; slot_pages: so many requests of a slot are handed out, 0 for all
--   max_pages: so many pages of the crawl are to be answered by all workers, 0 for all
--   delay_ms, cap, robots: what holds for slots without a setting of their own; own: slot to {delay (ms), cap}
--   leapt: true when it has seen that Redis's clock was set forward
--   news_ms: until when it knows the news; look_up: fingerprints, see there; the pushes of the step are known
--   found: how many steps that found something it knows of, see there
-- Returns an answer, or {status, now}; a repeat of the last sequence changes nothing and returns the same.
--   status: 0 done, -1 this worker was reaped or never joined, -2 its crawl is over, -3 an old sequence,
--   -4 steps are missing: the server has lost what it had acknowledged
local WORKER = key('worker', args.token)
local DUE_BYTES = 1048576

local function end_leases()
  move(args.token, args.move)
  nack(args.token, args.nack)
  bury(args.token, args.bury)
  release(args.token, args.release)
  ack(args.token, args.ack_parents)
  ack(args.token, args.ack)
end

local function note()
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
end

local function checkpoint()
  local known = rcall('HMGET', WORKER, 'sequence', 'flags', 'ids', 'grants')
  local last = tonumber(known[1])
  if not last then
    return {-1, now}
  elseif args.epoch ~= tonumber(rcall('HGET', CRAWL, 'epoch')) then
    return {-2, now}
  elseif args.sequence == last then
    return answer(args.token, known[2], cmsgpack.unpack(known[3]), cmsgpack.unpack(known[4]), args.news_ms,
      args.look_up, found_since(args.found))
  elseif args.sequence < last then
    return {-3, now}
  elseif args.sequence > last + 1 then
    return {-4, now}
  end

  local found = found_since(args.found)
  -- Redis looks at its memory at a script's first write only: pushes come first, and HDEL is never refused.
  local flags = push(args.push, args.lifo)
  found[1] = found[1] + tell_found(args.push, flags)
  refuse(args.refuse)
  rcall('HDEL', WORKER, 'marked')
  end_leases()
  note()

  if args.leapt then
    leap(args.token)
  end
  local ids, grants = {}, {}
  if rcall('HGET', CRAWL, 'paused') == '1' then
    take_notes(args.token, args.asks)
  else
    due(500, DUE_BYTES)
    local yielded = attend(args.token, args.asks, {robots = args.robots, budget = args.slot_pages,
      max_pages = args.max_pages, bytes = args.lease_bytes}, ids, grants)
    lease(args.token, {most = args.want, turn = args.turn, skip = args.skip, arm = args.arm_new, ahead = args.ahead_ms,
      delay = args.delay_ms, cap = args.cap, own = args.own, robots = args.robots, budget = args.slot_pages,
      max_pages = args.max_pages, bytes = args.lease_bytes}, yielded, ids, grants)
    write_holder(args.token)
  end
  write_slots()
  seen_write()
  write_counts()
  rcall('HSET', WORKER, 'sequence', args.sequence, 'flags', flags, 'ids', cmsgpack.pack(ids),
    'grants', cmsgpack.pack({now, grants}))
  rcall('ZADD', WORKERS, 'XX', now + args.lease_ms, args.token)
  return answer(args.token, flags, ids, {now, grants}, args.news_ms, args.look_up, found)
end

return checkpoint()
