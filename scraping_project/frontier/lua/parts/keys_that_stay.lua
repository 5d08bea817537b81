-- What a crawl that is finished has, beside its counters and its dupe filter, and the frontier beside it.
local function keys_that_stay()
  local names = {GONE, key('news')}
  for _, name in ipairs({'slots', 'priorities', 'delayed', 'dead', 'buried', 'buried_by', 'counted', 'outbox', 'handed',
    'together', 'again', 'found'}) do
    names[#names + 1] = of_crawl(name)
  end
  return names
end
