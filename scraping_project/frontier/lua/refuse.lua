-- refuse: a seed that no request can be made of is a dead letter at once. seeds: {letter, payload} each.
local function refuse(seeds)
  for _, each in ipairs(seeds) do
    local id = rcall('HINCRBY', CRAWL, 'next', 1)
    rcall('HSET', DEAD, id, each[1])
    rcall('HSET', BURIED, id, leased_record({id = id, attempt = 1, deliveries = 0, deaths = 0, slot = '', priority = 0,
      payload = each[2]}))
    count('discovered')
    count('dead')
  end
end
