-- What every script of the frontier begins with.
--
-- KEYS[1] prefix of the frontier's keys, its hash tag  KEYS[2] seeds (LIST)
-- ARGV[1] msgpack: the verb's arguments, by name
local PREFIX, SEEDS = KEYS[1], KEYS[2]
local args = cmsgpack.unpack(ARGV[1])

-- keys.py lists all keys with their types: those of the frontier, and those of a crawl, named with its epoch.
local function key(...)
  return table.concat({PREFIX, ...}, ':')
end

local CRAWL, WORKERS, STARTING, GONE = key('crawl'), key('workers'), key('starting'), key('gone')

-- Where a command meets a value of another type, or a number that is none, somebody else has written. A script that
-- stopped there would have changed a part of the ledger: so the value is put aside for a week, or forgotten, and the
-- command sent again. What it still fails of, it raises.
local FOREIGN_MS = 604800000
local function without_foreign(problem, ...)
  local _, name, field = ...
  if string.find(problem, 'WRONGTYPE', 1, true) and string.sub(name, 1, #PREFIX) == PREFIX then
    local aside = key('foreign', string.sub(name, #PREFIX + 2))
    redis.call('RENAME', name, aside)
    redis.call('PEXPIRE', aside, FOREIGN_MS)
    redis.call('HINCRBY', CRAWL, 'foreign', 1)
  elseif string.find(problem, 'not an integer', 1, true) or string.find(problem, 'would overflow', 1, true) then
    redis.call('HDEL', name, field)
  end
  return redis.call(...)
end

local type_of, sent = type, redis.pcall
local function rcall(...)
  local reply = sent(...)
  if type_of(reply) == 'table' and reply.err then
    return without_foreign(reply.err, ...)
  end
  return reply
end

-- The keys that hold the ledger, and the numbers in it, are looked at before anything is changed: a script that meets
-- a foreign value there is refused as a whole.
local function foreign(kinds)
  for name, kind in pairs(kinds) do
    local found = redis.call('TYPE', name).ok
    if found ~= kind and found ~= 'none' then
      return redis.error_reply('FOREIGN ' .. name .. ' is a ' .. found .. ' that somebody else has put in the place of'
        .. ' a ' .. kind .. ' of the frontier: rename or delete it')
    end
  end
end

local NUMBERS_OF_CRAWL = {'epoch', 'next', 'seen', 'buckets', 'discovered', 'queued', 'delayed', 'leased', 'done', 'dead',
  'pages', 'reaped', 'found', 'expires', 'expiring', 'persisting'}
local function no_number()
  for index, value in ipairs(redis.call('HMGET', CRAWL, unpack(NUMBERS_OF_CRAWL))) do
    if value and not (string.find(value, '^-?%d+$') and #value <= 15) then
      return redis.error_reply('FOREIGN ' .. CRAWL .. ' has the field ' .. NUMBERS_OF_CRAWL[index] .. ', which is no'
        .. ' number: somebody else has written it, set it right')
    end
  end
end

local refusal = foreign({[CRAWL] = 'hash'}) or no_number()
if refusal then
  return refusal
end

local EPOCH = rcall('HGET', CRAWL, 'epoch') or '0'
local function of_crawl(...)
  return key(EPOCH, ...)
end

local SLOTS, PRIORITIES, DELAYED = of_crawl('slots'), of_crawl('priorities'), of_crawl('delayed')
local DEAD, BURIED, OUTBOX = of_crawl('dead'), of_crawl('buried'), of_crawl('outbox')

refusal = foreign({[WORKERS] = 'zset', [STARTING] = 'set', [GONE] = 'zset', [SLOTS] = 'zset', [PRIORITIES] = 'hash',
  [DELAYED] = 'zset', [DEAD] = 'hash', [BURIED] = 'hash', [OUTBOX] = 'hash'})
if refusal then
  return refusal
end

local time = rcall('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local this_instant = now + time[2] % 1000 / 1000  -- ms too; two scripts never have the same

-- A script's first write decides whether Redis, when its memory is full, refuses the script or lets it run to its
-- end. HDEL is never refused: what begins with it moves things, and takes no more room than it frees.
local function even_when_full()
  rcall('HDEL', CRAWL, '')
end

-- Counters of the ledger are gathered here and written once, by write_counts.
local counts = {}

local function count(name, by)
  counts[name] = (counts[name] or 0) + (by or 1)
end

local function write_counts()
  for name, by in pairs(counts) do
    if by ~= 0 then
      rcall('HINCRBY', CRAWL, name, by)
    end
  end
  counts = {}
end

local function counter(name)
  return (tonumber(rcall('HGET', CRAWL, name) or '0') or 0) + (counts[name] or 0)
end
