-- Begins the next epoch: all that belongs to the last crawl is out of sight at once, and deleted bit by bit.
local function retire()
  local buckets = rcall('HGET', CRAWL, 'buckets')
  local paused = rcall('HGET', CRAWL, 'paused')
  if buckets then
    rcall('RPUSH', key('retired'), EPOCH .. ':' .. buckets)
  end
  rcall('DEL', CRAWL)
  rcall('HSET', CRAWL, 'epoch', tonumber(EPOCH) + 1, 'buckets', 1, 'seen', 0, 'grouped', 1)
  if paused then
    rcall('HSET', CRAWL, 'paused', paused)
  end
end
