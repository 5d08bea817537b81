-- view: how the frontier stands, for people to read. It writes nothing.
--
-- args: by ('queued': the slots with most requests, 'wait': those whose turn is farthest off), slot (that one alone;
-- false: all), limit (slots, orders and workers at the most), groups (of dead letters at the most), looked_at (slots of
-- which it is looked up how many requests they hold, half of them from each end of the index by their next turn),
-- lists (queues that are measured at the most)
-- Returns JSON, which clients read several times as fast as a reply of thousands of parts, and in which an empty list is
-- an empty object: {now, fields of the crawl, finished, seeds that wait, {workers, {token, deadline, leased, fields} each},
-- {slots, those whose turn is still to come, looked at, {slot, queued, turn, fields of its clock, order} each},
-- {orders, slots and orders}, {groups, names and numbers}}
local ORDERS = key('orders')
local WORKER_FIELDS = {'host', 'pid', 'run', 'joined', 'lease', 'sequence'}

local function seeds_waiting()
  local count_of = {list = 'LLEN', set = 'SCARD', zset = 'ZCARD'}
  local command = count_of[rcall('TYPE', SEEDS).ok]
  return command and rcall(command, SEEDS) or 0
end

local function workers()
  local found = rcall('ZREVRANGE', WORKERS, 0, args.limit - 1, 'WITHSCORES')
  local all = {rcall('ZCARD', WORKERS)}
  for index = 1, #found, 2 do
    local token = found[index]
    all[#all + 1] = {token, found[index + 1], rcall('HLEN', key('leases', token)),
      rcall('HMGET', key('worker', token), unpack(WORKER_FIELDS))}
  end
  return all
end

-- How many requests each slot holds; of more priorities than are measured, too few.
local QUEUE, lists_left = of_crawl('queue', ''), args.lists
local function queued_in(names)
  local queued, priorities = {}, #names > 0 and rcall('HMGET', PRIORITIES, unpack(names)) or {}
  for index, name in ipairs(names) do
    local number = 0
    for priority in string.gmatch(priorities[index] or '', '[^,]+') do
      if lists_left <= 0 then
        break
      end
      lists_left = lists_left - 1
      number = number + rcall('LLEN', QUEUE .. priority .. ':' .. name)
    end
    queued[index] = number
  end
  return queued
end

-- Those with the most, of some that are looked at; and how many were. Lua sorts numbers several times as fast as by a
-- function, so each is a slot's requests and, as its fraction, its place.
local function fullest()
  local names, known, half = {}, {}, math.floor(args.looked_at / 2)
  for _, command in ipairs({'ZRANGE', 'ZREVRANGE'}) do
    for _, name in ipairs(rcall(command, SLOTS, 0, half - 1)) do
      names[#names + 1] = not known[name] and name or nil
      known[name] = true
    end
  end
  local order, queued = {}, queued_in(names)
  for place, number in ipairs(queued) do
    order[place] = -number + place / 65536
  end
  table.sort(order)
  local first, numbers = {}, {}
  for index = 1, math.min(#order, args.limit) do
    local place = (order[index] - math.floor(order[index])) * 65536
    first[index], numbers[index] = names[place], queued[place]
  end
  return first, numbers, #names
end

local function chosen()
  if args.slot then
    return {args.slot}, queued_in({args.slot}), 1
  elseif args.by == 'queued' then
    return fullest()
  end
  local names = rcall('ZREVRANGE', SLOTS, 0, args.limit - 1)
  return names, queued_in(names), #names
end

local SUSPECTS, CLOCK = of_crawl('suspects', ''), key('slot', '')
local function slots()
  local names, queued, looked_at = chosen()
  local turns = #names > 0 and rcall('ZMSCORE', SLOTS, unpack(names)) or {}
  local orders = #names > 0 and rcall('HMGET', ORDERS, unpack(names)) or {}
  local all = {rcall('ZCARD', SLOTS), rcall('ZCOUNT', SLOTS, '(' .. string.format('%.0f', now), '+inf'), looked_at}
  for index, name in ipairs(names) do
    all[#all + 1] = {name, queued[index] + rcall('LLEN', SUSPECTS .. name), turns[index] or false,
      rcall('HGETALL', CLOCK .. name), orders[index] or false}
  end
  return all
end

local function view()
  return cjson.encode({now, rcall('HGETALL', CRAWL), finished(), seeds_waiting(), workers(), slots(),
    {rcall('HLEN', ORDERS), rcall('HSCAN', ORDERS, '0', 'COUNT', args.limit)[2]},
    {rcall('ZCARD', of_crawl('buried_by')),
      rcall('ZREVRANGE', of_crawl('buried_by'), 0, args.groups - 1, 'WITHSCORES')}})
end

return view()
