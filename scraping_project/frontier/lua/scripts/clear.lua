-- clear: removes the crawl and all it holds; the workers that are on it find out at their next checkpoint.
--
-- args: none
-- Returns how many requests were queued, delayed or leased.
local function clear()
  local held = counter('queued') + counter('delayed') + counter('leased')
  even_when_full()
  for _, token in ipairs(rcall('ZRANGE', WORKERS, 0, -1)) do
    return_seeds(token)
    remove_worker(token)
  end
  retire()
  return held
end

return clear()
