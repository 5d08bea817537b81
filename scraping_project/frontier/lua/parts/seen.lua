-- The dupe filter: 63 bits of a fingerprint in sets of integers small enough to stay packed (intset).
--
-- It grows by linear hashing, one bucket split at a time, so that no insertion waits for a large move and
-- no bucket passes Redis's default of 512 packed entries: with a mean of 200 the fullest hold about 400.
-- Witold Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980.
local BUCKET_MEAN = 200
local UNPACKED = 1000  -- Lua unpacks fewer than 8,000, and a site may choose URLs that share a bucket
local seen_count, seen_buckets, seen_size

local function seen_load()
  local known = rcall('HMGET', CRAWL, 'seen', 'buckets')
  seen_count, seen_buckets = tonumber(known[1] or '0'), tonumber(known[2] or '1')
  seen_size = 1
  while seen_size * 2 <= seen_buckets do
    seen_size = seen_size * 2
  end
end

-- fingerprint modulo size, a power of two up to 2^26; the decimal string is past what a double can hold.
local function seen_modulo(fingerprint, size)
  local low = tonumber(string.sub(fingerprint, -9))
  local high = tonumber(string.sub(fingerprint, 1, -10)) or 0
  return ((high % size) * (1000000000 % size) + low) % size
end

local function seen_address(fingerprint)
  local bucket = seen_modulo(fingerprint, seen_size * 2)
  if bucket >= seen_buckets then
    bucket = bucket - seen_size
  end
  return bucket
end

local function seen_split()
  local from, to = seen_buckets - seen_size, seen_buckets
  local old, new = of_crawl('seen', from), of_crawl('seen', to)
  local moving = {}
  for _, fingerprint in ipairs(rcall('SMEMBERS', old)) do
    if string.find(fingerprint, '^%d+$') and seen_modulo(fingerprint, seen_size * 2) == to then
      moving[#moving + 1] = fingerprint
    end
  end
  for first = 1, #moving, UNPACKED do
    local last = math.min(first + UNPACKED - 1, #moving)
    rcall('SADD', new, unpack(moving, first, last))
    rcall('SREM', old, unpack(moving, first, last))
  end
  seen_buckets = seen_buckets + 1
  if seen_buckets == seen_size * 2 then
    seen_size = seen_buckets
  end
end

-- Marks a fingerprint, a decimal string without leading zeros, as seen; returns whether it already was.
local function seen(fingerprint)
  if not seen_count then
    seen_load()
  end
  if rcall('SADD', of_crawl('seen', seen_address(fingerprint)), fingerprint) == 0 then
    return true
  end
  seen_count = seen_count + 1
  if seen_count > seen_buckets * BUCKET_MEAN then
    seen_split()
  end
  return false
end

local function seen_write()
  if seen_count then
    rcall('HSET', CRAWL, 'seen', seen_count, 'buckets', seen_buckets)
  end
end
