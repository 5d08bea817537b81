-- reap: returns what dead workers held. Any worker does it, at least twice a lease.
--
-- args: lease (ms), grace (ms), gone (tokens known to be dead), strangers (members of the set of workers that may
-- be no tokens), most (leases returned at once), deaths (of its workers after which a suspect is buried)
-- Returns the tokens reaped.
--
-- In two phases: a worker past its deadline is marked, and reaped when it is still silent a lease later. When
-- the last pass is older than half a lease, Redis itself was away and nobody could extend: everybody gets
-- another lease, and nobody is reaped. So they do when Redis's clock was set back: their deadlines are too far off.
local BYTES_A_PASS = 8388608
local KEEP_GONE_MS = 600000  -- twice Redis's tcp-keepalive: by then it has dropped a dead connection

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
  for _, token in ipairs(rcall('ZRANGEBYSCORE', WORKERS, '-inf', until_when)) do
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

-- Redis's clock was set back: no slot waits until it is where it was.
local function look_at_all_slots()
  for _, slot in ipairs(rcall('ZRANGEBYSCORE', SLOTS, '(' .. string.format('%.17g', this_instant), '+inf')) do
    rcall('ZADD', SLOTS, 'XX', this_instant, slot)
  end
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
  for _, token in ipairs(rcall('ZRANGE', GONE, 0, -1)) do
    seeds_back(token)
  end
  rcall('ZREMRANGEBYSCORE', GONE, '-inf', now - KEEP_GONE_MS)
  rcall('ZREMRANGEBYSCORE', NEWS, '-inf', now - args.lease)
  write_slots()
  write_counts()
  return reaped
end

return reap()
