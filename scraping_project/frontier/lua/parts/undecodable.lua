-- undecodable: what lies among the records of a crawl and is none becomes a dead letter, where people can read it: it
-- blocks nothing there. Somebody else has put it there, so it is new to the ledger.
local function put_aside(record, slot, priority)
  local id = rcall('HINCRBY', CRAWL, 'next', 1)
  local letter = {reason = 'undecodable', message = 'somebody else has put it among the requests', at = now}
  add_letter({id = id, attempt = 1, deliveries = 0, deaths = 0, slot = slot, priority = priority, payload = record},
    cjson.encode(letter))
  count('discovered')
end
