-- Whether the crawl is finished, in one look: nothing queued, delayed or leased, no dead letter that wants a row,
-- no seed on its way, and no worker that has start requests still to push.
local function finished()
  if counter('queued') + counter('delayed') + counter('leased') > 0 or rcall('EXISTS', OUTBOX) == 1
    or rcall('SCARD', STARTING) > 0 then
    return false
  end
  for _, workers in ipairs({WORKERS, GONE}) do
    for _, token in ipairs(rcall('ZRANGE', workers, 0, -1)) do
      if rcall('EXISTS', key('seeds', token)) == 1 then
        return false
      end
    end
  end
  return true
end
