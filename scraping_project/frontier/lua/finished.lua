-- Looks whether the crawl is finished: nothing queued, and no living worker that may still push.
--
-- KEYS[1] requests (ZSET)  KEYS[2] busy (ZSET)
-- ARGV[1] seconds after which a silent worker counts as gone
-- Returns 1 when it is.
local requests, busy, patience = KEYS[1], KEYS[2], tonumber(ARGV[1])
local now = tonumber(redis.call('TIME')[1])

redis.call('ZREMRANGEBYSCORE', busy, '-inf', now - patience)
if redis.call('ZCARD', requests) == 0 and redis.call('ZCARD', busy) == 0 then
  return 1
end
return 0
