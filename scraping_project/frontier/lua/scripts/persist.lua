-- persist: a finished crawl that somebody comes back to is to stay: takes its time to live away, some buckets of the
-- dupe filter with each call.
--
-- args: most (buckets at once)
-- Returns 1 while there are more.
--
-- When that time is over, a part of it may be gone: then the next epoch begins, and the rest is swept up.
local MARGIN_MS = 1000

local function persist()
  local known = rcall('HMGET', CRAWL, 'expires', 'persisting', 'buckets')
  local at, from, buckets = tonumber(known[1]), tonumber(known[2] or '0'), tonumber(known[3] or '1')
  if not at then
    return 0
  end
  rcall('PERSIST', CRAWL)
  if at < now + MARGIN_MS then
    retire()
    return 0
  end
  local to = math.min(from + args.most, buckets)
  for bucket = from, to - 1 do
    rcall('PERSIST', of_crawl('seen', bucket))
  end
  if to < buckets then
    rcall('HSET', CRAWL, 'persisting', to)
    return 1
  end
  for _, name in ipairs(keys_that_stay()) do
    rcall('PERSIST', name)
  end
  rcall('HDEL', CRAWL, 'expires', 'expiring', 'persisting')
  return 0
end

return persist()
