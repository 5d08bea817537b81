-- reap: returns what dead workers held. Any worker does it, at least twice a lease.
--
-- args: lease (ms), grace (ms), gone (tokens known to be dead), strangers (members of the set of workers that may
-- be no tokens), most (leases returned at once), deaths (of its workers after which a suspect is buried)
-- Returns {the tokens reaped, how many slots are still to be looked at again}: call again while there are some.
--
-- In two phases: a worker past its deadline is marked, and reaped when it is still silent a lease later. When
-- the last pass is older than half a lease, Redis itself was away and nobody could extend: everybody gets
-- another lease, and nobody is reaped. So they do when Redis's clock was set back: their deadlines are too far off.
local BYTES_A_PASS = 8388608
local KEEP_GONE_MS = 600000  -- twice Redis's tcp-keepalive: by then it has dropped a dead connection
local WORKERS_A_PASS, SLOTS_A_PASS = 1000, 5000

local function silent(token)
  local worker = key('worker', token)
  local marked = tonumber(rcall('HGET', worker, 'marked'))
  if not marked then
    rcall('HSET', worker, 'marked', now)
    return false
  end
  return now >= marked + args.lease
end

local function spare(token)
  rcall('ZADD', WORKERS, 'XX', now + args.lease, token)
  rcall('HDEL', key('worker', token), 'marked')
end

-- The tokens to be reaped in this pass.
local function doomed(away)
  local tokens = {}
  local until_when = now < counter('reaped') and '+inf' or now
  for _, token in ipairs(rcall('ZRANGEBYSCORE', WORKERS, '-inf', until_when, 'LIMIT', 0, WORKERS_A_PASS)) do
    if condemned(token) then
      tokens[#tokens + 1] = token
    elseif away then
      spare(token)
    elseif silent(token) then
      tokens[#tokens + 1] = token
    end
  end
  for _, token in ipairs(args.gone) do
    if not condemned(token) then
      tokens[#tokens + 1] = token
    end
  end
  for _, token in ipairs(args.strangers) do
    if condemned(token) then  -- or else one has joined under it
      tokens[#tokens + 1] = token
    end
  end
  return tokens
end

-- Redis's clock was set back: no slot waits until it is where it was. Those that wait longest come first, some in each
-- pass.
local function look_at_all_slots()
  local waiting = '(' .. string.format('%.17g', this_instant)
  rcall('HSET', CRAWL, 'to look at', rcall('ZCOUNT', SLOTS, waiting, '+inf'))
end

local function look_at_slots()
  local left = counter('to look at')
  if left <= 0 then
    return 0
  end
  local waiting = '(' .. string.format('%.17g', this_instant)
  local slots = rcall('ZREVRANGEBYSCORE', SLOTS, '+inf', waiting, 'LIMIT', 0, SLOTS_A_PASS)
  for _, slot in ipairs(slots) do
    rcall('ZADD', SLOTS, 'XX', this_instant, slot)
  end
  left = #slots == SLOTS_A_PASS and left - #slots or 0
  if left > 0 then
    rcall('HSET', CRAWL, 'to look at', left)
    return left
  end
  rcall('HDEL', CRAWL, 'to look at')
  return 0
end

-- What is in the list of those that push their start, and of no worker, keeps a crawl from its end.
local function forget_strangers()
  for _, token in ipairs(rcall('SRANDMEMBER', STARTING, 100)) do
    if rcall('EXISTS', key('worker', token)) == 0 then
      rcall('SREM', STARTING, token)
    end
  end
end

local function return_late_seeds()
  for _, token in ipairs(rcall('ZRANGE', GONE, 0, -1)) do
    if rcall('EXISTS', key('seeds', token)) == 1 then
      seeds_back(token)
    end
  end
  rcall('ZREMRANGEBYSCORE', GONE, '-inf', now - KEEP_GONE_MS)
end

local function reap()
  even_when_full()
  local since = now - counter('reaped')
  if since < 0 then
    look_at_all_slots()
  end
  local away = since < 0 or since > args.lease / 2 + args.grace
  local reaped, most, bytes = {}, args.most, BYTES_A_PASS
  local tokens = doomed(away)
  rcall('HSET', CRAWL, 'reaped', now)
  for _, token in ipairs(tokens) do
    local has_joined = rcall('EXISTS', key('worker', token)) == 1
    local all
    most, bytes, all = reap_worker(token, most, bytes, args.deaths)
    if has_joined and all then
      reaped[#reaped + 1] = token
    end
  end
  return_late_seeds()
  forget_strangers()
  rcall('ZREMRANGEBYSCORE', NEWS, '-inf', now - args.lease)
  local left_to_look_at = look_at_slots()
  write_slots()
  write_counts()
  return {reaped, left_to_look_at}
end

return reap()
