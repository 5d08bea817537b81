-- sweep: deletes some of what retired crawls left.
--
-- args: most (keys at the most)
-- Returns 1 while something is left.
--
-- Of a frontier that was cleared, and that nobody works on, what is left then expires: that it was cleared, and who
-- was gone, to whom a seed may come too late.
local KEPT_MS = 604800000
local function let_expire()
  local known = rcall('HMGET', CRAWL, 'id', 'paused')
  if known[1] or known[2] or rcall('ZCARD', WORKERS) > 0 then
    return
  end
  for _, name in ipairs({CRAWL, GONE, key('news')}) do
    rcall('PEXPIRE', name, KEPT_MS)
  end
end

local function sweep_slots(epoch, most)
  local slots, priorities = key(epoch, 'slots'), key(epoch, 'priorities')
  for _, slot in ipairs(rcall('ZRANGE', slots, 0, most - 1)) do
    if most < 1 then
      break
    end
    most = most - 1
    for priority in string.gmatch(rcall('HGET', priorities, slot) or '', '[^,]+') do
      rcall('UNLINK', key(epoch, 'queue', priority, slot))
      most = most - 1
    end
    rcall('UNLINK', key(epoch, 'suspects', slot))
    rcall('HDEL', priorities, slot)
    rcall('ZREM', slots, slot)
  end
  return rcall('EXISTS', slots) == 0
end

local function sweep()
  local oldest = rcall('LINDEX', key('retired'), 0)
  if not oldest then
    let_expire()
    return 0
  end
  local epoch, buckets = string.match(oldest, '^(%d+):(%d+)$')
  if not epoch or epoch == EPOCH then  -- somebody else has written it
    rcall('LPOP', key('retired'))
    return 1
  elseif not sweep_slots(epoch, args.most) then
    return 1
  end
  local left = math.max(tonumber(buckets) - args.most, 0)
  for bucket = left, tonumber(buckets) - 1 do
    rcall('UNLINK', key(epoch, 'seen', bucket))
  end
  if left > 0 then
    rcall('LSET', key('retired'), 0, epoch .. ':' .. left)
    return 1
  end
  for _, name in ipairs({'priorities', 'delayed', 'dead', 'buried', 'buried_by', 'counted', 'outbox', 'handed',
    'together', 'again', 'found'}) do
    rcall('UNLINK', key(epoch, name))
  end
  rcall('LPOP', key('retired'))
  return 1
end

return sweep()
