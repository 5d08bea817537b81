-- Joins the crawl of a frontier, or begins a new one when nothing is queued and nobody works on it.
--
-- KEYS[1] crawl (HASH)  KEYS[2] requests (ZSET)  KEYS[3] dupefilter (SET)
-- KEYS[4] workers (ZSET)  KEYS[5] busy (ZSET)
-- ARGV[1] worker  ARGV[2] id for a new crawl  ARGV[3] seconds after which a silent worker counts as gone
-- Returns {crawl id, queued requests, answered pages, other workers}.
local crawl, requests, dupefilter, workers, busy = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local worker, new_id, patience = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])

redis.call('ZREMRANGEBYSCORE', workers, '-inf', now - patience)
redis.call('ZREMRANGEBYSCORE', busy, '-inf', now - patience)
local queued, others = redis.call('ZCARD', requests), redis.call('ZCARD', workers)
if redis.call('EXISTS', crawl) == 0 or (queued == 0 and others == 0) then
  redis.call('DEL', dupefilter, crawl)
  redis.call('HSET', crawl, 'id', new_id, 'pages', 0)
end
redis.call('ZADD', workers, now, worker)
redis.call('ZADD', busy, now, worker)
return {redis.call('HGET', crawl, 'id'), queued, tonumber(redis.call('HGET', crawl, 'pages')), others}
