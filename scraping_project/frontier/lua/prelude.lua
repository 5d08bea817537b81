-- What every script of the frontier begins with.
--
-- KEYS[1] prefix of the frontier's keys, its hash tag  KEYS[2] seeds (LIST)
-- ARGV[1] msgpack: the verb's arguments, by name
local rcall = redis.call
local PREFIX, SEEDS = KEYS[1], KEYS[2]
local args = cmsgpack.unpack(ARGV[1])
local time = rcall('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local this_instant = now + time[2] % 1000 / 1000  -- ms too; two scripts never have the same

-- keys.py lists all keys with their types: those of the frontier, and those of a crawl, named with its epoch.
local function key(...)
  return table.concat({PREFIX, ...}, ':')
end

local CRAWL, WORKERS, STARTING, GONE = key('crawl'), key('workers'), key('starting'), key('gone')
local EPOCH = rcall('HGET', CRAWL, 'epoch') or '0'

local function of_crawl(...)
  return key(EPOCH, ...)
end

local SLOTS, PRIORITIES, DELAYED = of_crawl('slots'), of_crawl('priorities'), of_crawl('delayed')
local DEAD, BURIED, OUTBOX = of_crawl('dead'), of_crawl('buried'), of_crawl('outbox')

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
  return tonumber(rcall('HGET', CRAWL, name) or '0') + (counts[name] or 0)
end
