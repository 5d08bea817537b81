-- expire: gives a finished crawl that nobody works on a time to live, some buckets of the dupe filter with each call.
-- All its keys end at one instant, for half a dupe filter would be worse than none.
--
-- args: keep (ms from now), most (buckets at once)
-- Returns 2 while what former crawls left is to be swept up first, 1 while there are more buckets, 0 at the end.
--
-- While the crawl has the field `expires` no worker joins it, see persist. The field `expiring` says how far it has come.
local function is_left_alone()
  local known = rcall('HMGET', CRAWL, 'id', 'paused', 'persisting')
  return known[1] and not (known[2] or known[3]) and rcall('ZCARD', WORKERS) == 0 and finished()
end

-- What sweep lets expire in the end, and has not yet.
local function was_cleared()
  local known = rcall('HMGET', CRAWL, 'epoch', 'id', 'paused')
  return known[1] and not (known[2] or known[3]) and rcall('ZCARD', WORKERS) == 0 and rcall('PTTL', CRAWL) < 0
end

local function expire()
  if was_cleared() then
    return 2
  elseif not is_left_alone() then
    return 0
  elseif rcall('EXISTS', key('retired')) == 1 then
    return 2
  end
  local known = rcall('HMGET', CRAWL, 'expires', 'expiring', 'buckets')
  local at, from, buckets = known[1], tonumber(known[2]), tonumber(known[3] or '1')
  if not at then
    at, from = string.format('%.0f', now + args.keep), 0
  elseif not from then
    return 0
  end
  local to = math.min(from + args.most, buckets)
  rcall('HSET', CRAWL, 'expires', at, 'expiring', to)
  for bucket = from, to - 1 do
    rcall('PEXPIREAT', of_crawl('seen', bucket), at)
  end
  if to < buckets then
    return 1
  end
  for _, name in ipairs(keys_that_stay()) do
    rcall('PEXPIREAT', name, at)
  end
  rcall('HDEL', CRAWL, 'expiring')
  rcall('PEXPIREAT', CRAWL, at)
  return 0
end

return expire()
