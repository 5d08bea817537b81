-- The queue: a list for each slot and priority, the priorities of each slot, and the slots by the time of
-- their next turn. A slot that holds nothing leaves no key.
local function enqueue(request, front)
  note_size(request.payload)
  local list = of_crawl('queue', request.priority, request.slot)
  rcall(front and 'LPUSH' or 'RPUSH', list, queued_record(request))
  add_priority(request.slot, request.priority)
  rcall('ZADD', SLOTS, 'NX', this_instant, request.slot)
  count('queued')
end

-- Puts back what was leased, to the front of its queue; a suspect goes among the suspects, where only a worker
-- that holds none takes it. One that was counted against again goes behind the others: the deaths of workers that die
-- one after the other as soon as they have begun, of whatever, would all be counted against the first.
local function put_back(request, again)
  if request.deaths == 0 then
    enqueue(request, true)
    return
  end
  rcall(again and 'RPUSH' or 'LPUSH', of_crawl('suspects', request.slot), leased_record(request))
  rcall('ZADD', SLOTS, 'NX', this_instant, request.slot)
  count('queued')
end

-- Moves what is due from the delayed requests to the queue: at most `most`, and so many bytes.
local function due(most, bytes)
  repeat
    local number = fitting(most, bytes)
    local records = rcall('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, number)
    for _, record in ipairs(records) do
      local request = read_leased(record)
      if request then
        enqueue(request, false)
        count('delayed', -1)
      else
        put_aside(record, '', 0)
      end
      rcall('ZREM', DELAYED, record)
      bytes = bytes - #record
    end
    most = most - #records
  until #records < number or most <= 0 or bytes <= 0
end

local function holds_no_request(slot)
  return #priorities_of(slot) == 0 and rcall('EXISTS', of_crawl('suspects', slot)) == 0
end

local function take_suspect(slot, taken)
  local record = rcall('LPOP', of_crawl('suspects', slot))
  local request = record and read_leased(record)
  if request then
    taken[1] = request
  elseif record then
    put_aside(record, slot, 0)
  end
  return record and #record or 0
end

-- Takes up to `most` requests of a slot and so many bytes, or one that is larger, the highest priority first; a suspect
-- only when asked to. Returns how many bytes are left, too.
local function take(slot, most, bytes, with_suspect)
  local taken = {}
  if with_suspect then
    bytes = bytes - take_suspect(slot, taken)
  end
  local priorities, before = priorities_of(slot), #priorities_of(slot)
  while #taken < most and bytes > 0 and priorities[1] do
    local list = of_crawl('queue', priorities[1], slot)
    for _, record in ipairs(rcall('LPOP', list, fitting(most - #taken, bytes)) or {}) do
      local request = read_queued(record, slot, priorities[1])
      if request then
        taken[#taken + 1] = request
      else
        put_aside(record, slot, priorities[1])
      end
      bytes = bytes - #record
    end
    if rcall('EXISTS', list) == 0 then
      table.remove(priorities, 1)
    end
  end
  if #priorities < before then
    write_priorities(slot)
  end
  if holds_no_request(slot) then
    rcall('ZREM', SLOTS, slot)
  end
  count('queued', -#taken)
  return taken, bytes
end
