-- What a worker hears: {status, now, flags of push, the requests leased, ledger, letters, finished}.
local LEDGER = {'discovered', 'queued', 'delayed', 'leased', 'done', 'dead', 'pages', 'paused'}

local function described(token, ids)
  local requests = {}
  for _, id in ipairs(ids) do
    local record = rcall('HGET', key('leases', token), id)
    if record then
      local request = read_held(record)
      requests[#requests + 1] = {request.id, request.attempt, request.deliveries, request.deaths,
        request.slot, request.priority, request.payload}
    end
  end
  return requests
end

local function ledger()
  local numbers = rcall('HMGET', CRAWL, unpack(LEDGER))
  for index = 1, #LEDGER do
    numbers[index] = tonumber(numbers[index] or '0')
  end
  return numbers
end

local function letters()
  return rcall('HRANDFIELD', OUTBOX, 10, 'WITHVALUES')
end

local function answer(token, flags, ids)
  return {0, now, flags, described(token, ids), ledger(), letters(), finished() and 1 or 0}
end
