-- sweep: deletes some of what retired crawls left.
--
-- args: most (keys at the most)
-- Returns 1 while something is left.
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
    return 0
  end
  local epoch, buckets = string.match(oldest, '^(%d+):(%d+)$')
  if not epoch or epoch == EPOCH then  -- somebody else has written it
    rcall('LPOP', key('retired'))
    return rcall('EXISTS', key('retired'))
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
  for _, name in ipairs({'priorities', 'delayed', 'dead', 'buried', 'outbox', 'handed', 'together', 'found'}) do
    rcall('UNLINK', key(epoch, name))
  end
  rcall('LPOP', key('retired'))
  return rcall('EXISTS', key('retired'))
end

return sweep()
