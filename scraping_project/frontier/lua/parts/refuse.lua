-- refuse: a seed that no request can be made of, or a request that is too large, is a dead letter at once.
-- refusals: {letter, payload, fingerprint or ''} each; one whose fingerprint is known is a duplicate.
local function refuse(refusals)
  for _, each in ipairs(refusals) do
    if each[3] ~= '' and seen(each[3]) then
      count('filtered:duplicate')
    else
      local id = rcall('HINCRBY', CRAWL, 'next', 1)
      add_letter({id = id, attempt = 1, deliveries = 0, deaths = 0, slot = '', priority = 0, payload = each[2]}, each[1])
      count('discovered')
    end
  end
end
