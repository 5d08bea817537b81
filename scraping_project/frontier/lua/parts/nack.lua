-- nack: to be tried again, `delay` milliseconds from now. nacks: {id, delivery, delay, slot, priority,
-- payload} each.
local function nack(token, nacks)
  for _, each in ipairs(nacks) do
    local request = held(token, each[1], each[2])
    if request then
      local again = {id = request.id, attempt = request.attempt + 1, deliveries = request.deliveries, deaths = 0,
        slot = each[4], priority = each[5], payload = each[6]}
      if each[3] > 0 then
        note_size(again.payload)
        rcall('ZADD', DELAYED, now + each[3], leased_record(again))
        count('delayed')
      else
        enqueue(again, false)
      end
      let_go(token, request)
    end
  end
end
