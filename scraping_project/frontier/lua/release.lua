-- release: given back untouched, to the front of its queue. ends: {id, delivery} each, as they were leased.
local function untouched(token, request)
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
