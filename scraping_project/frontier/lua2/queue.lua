-- The queue: a list for each slot and priority, the priorities of each slot, and the slots by the time of
-- their next turn. A slot that holds nothing leaves no key.
local function contains(list, item)
  for _, each in ipairs(list) do
    if each == item then
      return true
    end
  end
  return false
end

local function priorities_of(slot)
  local list = {}
  for priority in string.gmatch(rcall('HGET', PRIORITIES, slot) or '', '[^,]+') do
    list[#list + 1] = tonumber(priority)
  end
  return list
end

local function enqueue(request, front)
  local list = of_crawl('queue', request.priority, request.slot)
  rcall(front and 'LPUSH' or 'RPUSH', list, queued_record(request))
  local priorities = priorities_of(request.slot)
  if not contains(priorities, request.priority) then
    priorities[#priorities + 1] = request.priority
    table.sort(priorities, function(a, b) return a > b end)
    rcall('HSET', PRIORITIES, request.slot, table.concat(priorities, ','))
  end
  rcall('ZADD', SLOTS, 'NX', now, request.slot)
  count('queued')
end

local function enqueue_suspect(request)
  rcall('RPUSH', of_crawl('suspects', request.slot), queued_record(request))
  rcall('ZADD', SLOTS, 'NX', now, request.slot)
  count('queued')
end

-- Moves what is due from the delayed requests to the queue, at most `most`.
local function due(most)
  for _, record in ipairs(rcall('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, most)) do
    enqueue(read_leased(record), false)
    rcall('ZREM', DELAYED, record)
    count('delayed', -1)
  end
end

-- Takes up to `most` requests of a slot, the highest priority first; a suspect only when asked to.
local function take(slot, most, with_suspect)
  local taken = {}
  if with_suspect then
    local record = rcall('LPOP', of_crawl('suspects', slot))
    if record then
      taken[1] = read_queued(record, slot, 0)
    end
  end
  local priorities = priorities_of(slot)
  local left = {}
  for index, priority in ipairs(priorities) do
    local wanted = most - #taken
    local records = wanted > 0 and rcall('LPOP', of_crawl('queue', priority, slot), wanted) or {}
    for _, record in ipairs(records or {}) do
      taken[#taken + 1] = read_queued(record, slot, priority)
    end
    if rcall('EXISTS', of_crawl('queue', priority, slot)) == 1 then
      left[#left + 1] = priority
    end
  end
  if #left == 0 then
    rcall('HDEL', PRIORITIES, slot)
    if rcall('EXISTS', of_crawl('suspects', slot)) == 0 then
      rcall('ZREM', SLOTS, slot)
    end
  elseif #left < #priorities then
    rcall('HSET', PRIORITIES, slot, table.concat(left, ','))
  end
  count('queued', -#taken)
  return taken
end
