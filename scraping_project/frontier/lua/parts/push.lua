-- push: adds new requests; the dupe filter check is part of the same step.
--
-- requests: {fingerprint or '' to pass the filter, slot, priority, payload, true to pass it and be known from then
-- on} each
-- lifo: they go to the front of their queues, the first of them foremost
-- Returns a string with a character for each: '1' added, '0' known.
local function push(requests, lifo)
  local flags = {}
  for step = 1, #requests do
    local index = lifo and #requests + 1 - step or step
    local request = requests[index]
    local known = request[1] ~= '' and seen(request[1])
    if known and not request[5] then
      count('filtered:duplicate')
      flags[index] = '0'
    else
      count('discovered')
      local id = rcall('HINCRBY', CRAWL, 'next', 1)
      enqueue({id = id, attempt = 1, deliveries = 0, deaths = 0,
        slot = request[2], priority = request[3], payload = request[4]}, lifo)
      flags[index] = '1'
    end
  end
  return table.concat(flags)
end
