-- join: registers a worker with the crawl of the frontier, or begins a new crawl for it.
--
-- args: token, lease (ms), host, pid, rules and seeds (strings; seeds '' for a worker that waits), id for a
-- new crawl, together (what was started with this worker; '' for nothing), run (the id of its run; '' for none)
-- Returns {status, epoch, crawl id, requests queued or delayed, pages, the rules or seeds in force, 1 when no other
-- worker is alive}; the same for a token that has joined already, and changes nothing.
--   status: 1 began a new crawl, 0 joined, -1 the unfinished crawl has other rules, -2 it has other seeds, -3 the
--   finished crawl has a time to live, see persist
local function begin()
  retire()
  rcall('HSET', CRAWL, 'id', args.id, 'rules', args.rules, 'seeds', args.seeds, 'began', now, 'reaped', now)
end

-- Whether one that was started together with this worker has worked on the crawl: this one is late, and begins no other.
local function comes_late()
  return args.together ~= '' and rcall('SISMEMBER', of_crawl('together'), args.together) == 1
end

local function is_alone()
  for _, token in ipairs(rcall('ZRANGEBYSCORE', WORKERS, now, '+inf', 'LIMIT', 0, 2)) do
    if token ~= args.token then
      return 0
    end
  end
  return 1
end

local function answer(status)
  local crawl = rcall('HMGET', CRAWL, 'epoch', 'id')
  return {status, tonumber(crawl[1]), crawl[2], counter('queued') + counter('delayed'), counter('pages'), '',
    is_alone()}
end

local function register(status)
  local epoch = rcall('HGET', CRAWL, 'epoch')
  rcall('HSET', key('worker', args.token), 'sequence', 0, 'host', args.host, 'pid', args.pid, 'joined', now,
    'lease', args.lease, 'run', args.run, 'epoch', epoch, 'began', status)
  if args.together ~= '' then
    rcall('SADD', key(epoch, 'together'), args.together)
  end
  rcall('PERSIST', GONE)
  rcall('PERSIST', key('news'))
  rcall('ZADD', WORKERS, now + args.lease, args.token)
  if args.seeds ~= '' then
    rcall('SADD', STARTING, args.token)
  end
end

local function join()
  local joined = rcall('HMGET', key('worker', args.token), 'epoch', 'began')
  if joined[1] == EPOCH then
    return answer(tonumber(joined[2]))
  end
  local status = 0
  local known = rcall('HMGET', CRAWL, 'epoch', 'rules', 'seeds')
  if not known[2] then
    begin()
    status = 1
  elseif finished() and not comes_late()
    and (args.seeds ~= '' or known[2] ~= args.rules and rcall('ZCARD', WORKERS) == 0) then
    begin()
    status = 1
  elseif rcall('HEXISTS', CRAWL, 'expires') == 1 then
    return {-3, 0, '', 0, 0, '', 0}
  elseif known[2] ~= args.rules then
    return {-1, 0, '', 0, 0, known[2], 0}
  elseif args.seeds ~= '' and known[3] ~= args.seeds then
    if known[3] ~= '' then
      return {-2, 0, '', 0, 0, known[3], 0}
    end
    rcall('HSET', CRAWL, 'seeds', args.seeds)
  end
  register(status)
  return answer(status)
end

return join()
