-- check: counts what is there, for comparison with the ledger. It reads everything and blocks the server meanwhile.
--
-- args: none
-- Returns {queued, delayed, leased, dead, buried, seen, armed but not leased, all fields of the crawl}
local function check()
  local queued, leased, stray, seen_total = 0, 0, 0, 0
  for _, slot in ipairs(rcall('ZRANGE', SLOTS, 0, -1)) do
    for _, priority in ipairs(priorities_of(slot)) do
      queued = queued + rcall('LLEN', of_crawl('queue', priority, slot))
    end
    queued = queued + rcall('LLEN', of_crawl('suspects', slot))
  end
  for _, token in ipairs(rcall('ZRANGE', WORKERS, 0, -1)) do
    leased = leased + rcall('HLEN', key('leases', token))
    for _, id in ipairs(rcall('SMEMBERS', key('armed', token))) do
      stray = stray + 1 - rcall('HEXISTS', key('leases', token), id)
    end
  end
  for bucket = 0, tonumber(rcall('HGET', CRAWL, 'buckets') or '1') - 1 do
    seen_total = seen_total + rcall('SCARD', of_crawl('seen', bucket))
  end
  return {queued, rcall('ZCARD', DELAYED), leased, rcall('HLEN', DEAD), rcall('HLEN', BURIED), seen_total, stray,
    rcall('HGETALL', CRAWL)}
end

return check()
