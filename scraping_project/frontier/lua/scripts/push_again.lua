-- push_again: has pages asked for again, past the dupe filter, whether the crawl is finished or not.
--
-- args: action (id of what the operator does), requests (see push), positions (of each, strings in ascending order)
-- Returns how many were pushed: none up to the last position that this action has come to. -1 when the finished crawl
-- has a time to live, see persist, and -2 when there is no crawl: both change nothing.
local function push_again()
  if not rcall('HGET', CRAWL, 'id') then
    return -2
  elseif rcall('HEXISTS', CRAWL, 'expires') == 1 then
    return -1
  end
  local again = of_crawl('again')
  local reached, requests = rcall('HGET', again, args.action) or '', {}
  for index, position in ipairs(args.positions) do
    if position > reached then
      requests[#requests + 1] = args.requests[index]
      reached = position
    end
  end
  push(requests, false)
  seen_write()
  rcall('HSET', again, args.action, reached)
  write_counts()
  return #requests
end

return push_again()
