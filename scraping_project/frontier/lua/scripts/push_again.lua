-- push_again: has pages asked for again, past the dupe filter, whether the crawl is finished or not.
--
-- args: action (id of what the operator does), slice (its number, from 1), requests (see push)
-- Returns how many were pushed, 0 for a slice that was pushed before; -1 when the finished crawl has a time to live,
-- see persist, and -2 when there is no crawl: both change nothing.
local function push_again()
  if not rcall('HGET', CRAWL, 'id') then
    return -2
  elseif rcall('HEXISTS', CRAWL, 'expires') == 1 then
    return -1
  end
  local slices = of_crawl('again')
  if (tonumber(rcall('HGET', slices, args.action) or '0') or 0) >= args.slice then
    return 0
  end
  push(args.requests, false)
  rcall('HSET', slices, args.action, args.slice)
  write_counts()
  return #args.requests
end

return push_again()
