-- release: given back untouched, to the front of its queue. ends: {id, delivery} each, as they were leased.

-- One that was delivered for the first time has been counted in its slot's budget, where there is one: see lease.
local function count_back(request)
  local handed = of_crawl('handed')
  if request.attempt == 1 and request.deliveries == 1 and rcall('HEXISTS', handed, request.slot) == 1 then
    rcall('HINCRBY', handed, request.slot, -1)
  end
end

local function untouched(token, request)
  count_back(request)
  request.deliveries = math.max(request.deliveries - 1, 0)
  put_back(request)
  let_go(token, request)
end

local function release(token, ends)
  for index = #ends, 1, -1 do
    local request = held(token, ends[index][1], ends[index][2])
    if request then
      untouched(token, request)
    end
  end
end
