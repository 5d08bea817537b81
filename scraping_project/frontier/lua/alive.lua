-- Tells that a worker lives, whether it is busy, and what it has answered since the last time.
--
-- KEYS[1] crawl (HASH)  KEYS[2] workers (ZSET)  KEYS[3] busy (ZSET)
-- ARGV[1] worker  ARGV[2] '1' when it may still push requests  ARGV[3] newly answered pages
-- Returns the answered pages of the crawl.
local crawl, workers, busy = KEYS[1], KEYS[2], KEYS[3]
local worker, is_busy, answered = ARGV[1], ARGV[2] == '1', tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])

redis.call('ZADD', workers, now, worker)
if is_busy then
  redis.call('ZADD', busy, now, worker)
else
  redis.call('ZREM', busy, worker)
end
return redis.call('HINCRBY', crawl, 'pages', answered)
