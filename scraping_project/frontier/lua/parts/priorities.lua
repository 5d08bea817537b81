-- The priorities in use in each slot, highest first; read once a script.
local known_priorities = {}

local function priorities_of(slot)
  local list = known_priorities[slot]
  if not list then
    list = {}
    for priority in string.gmatch(rcall('HGET', PRIORITIES, slot) or '', '[^,]+') do
      list[#list + 1] = string.find(priority, '^-?%d+$') and tonumber(priority) or nil
    end
    known_priorities[slot] = list
  end
  return list
end

local function write_priorities(slot)
  local list = priorities_of(slot)
  if #list == 0 then
    rcall('HDEL', PRIORITIES, slot)
  else
    rcall('HSET', PRIORITIES, slot, table.concat(list, ','))
  end
end

local function add_priority(slot, priority)
  local list, at = priorities_of(slot), 1
  while list[at] and list[at] > priority do
    at = at + 1
  end
  if list[at] ~= priority then
    table.insert(list, at, priority)
    write_priorities(slot)
  end
end
