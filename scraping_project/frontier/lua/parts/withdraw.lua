-- withdraw: takes a request from where it waits. {place, slot or token, priority, record, id, delivery}; returns
-- whether it was there. In a queue it is looked for from the front, where lies what was leased before.
--
-- A request is looked for among so many, and when a script has compared as many in all, it looks for no more:
-- `may_look` says whether it may.
local REACH = 1000000
local to_compare = REACH
local function may_look()
  return to_compare > 0
end

local function remove(list, record)
  local at = rcall('LPOS', list, record, 'MAXLEN', REACH)
  to_compare = to_compare - (at or math.min(rcall('LLEN', list), REACH))
  return at and rcall('LREM', list, 1, record) == 1
end

local function leave_slot(slot)
  if holds_no_request(slot) then
    rcall('ZREM', SLOTS, slot)
  end
end

local function forget_priority(slot, priority)
  local priorities = priorities_of(slot)
  for index = #priorities, 1, -1 do
    if priorities[index] == priority then
      table.remove(priorities, index)
    end
  end
  write_priorities(slot)
end

local function dequeue(slot, priority, record)
  local list = of_crawl('queue', priority, slot)
  if not remove(list, record) then
    return false
  end
  if rcall('EXISTS', list) == 0 then
    forget_priority(slot, priority)
    leave_slot(slot)
  end
  count('queued', -1)
  return true
end

local function drop_suspect(slot, record)
  if not remove(of_crawl('suspects', slot), record) then
    return false
  end
  leave_slot(slot)
  count('queued', -1)
  return true
end

local withdraw = {
  queue = function(each)
    return dequeue(each[2], each[3], each[4])
  end,
  suspects = function(each)
    return drop_suspect(each[2], each[4])
  end,
  delayed = function(each)
    local was_there = rcall('ZREM', DELAYED, each[4]) == 1
    count('delayed', was_there and -1 or 0)
    return was_there
  end,
  leases = function(each)
    local request = held(each[2], each[5], each[6])
    if request then
      let_go(each[2], request)
    end
    return request ~= nil
  end,
}
