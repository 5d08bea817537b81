-- release: given back untouched, to the front of its queue. ends: {id, delivery} each.
local function release(token, ends)
  for index = #ends, 1, -1 do
    local request = held(token, ends[index][1], ends[index][2])
    if request then
      request.deliveries = math.max(request.deliveries - 1, 0)
      if request.deaths > 0 then
        enqueue_suspect(request)
      else
        enqueue(request, true)
      end
      let_go(token, request)
    end
  end
end
