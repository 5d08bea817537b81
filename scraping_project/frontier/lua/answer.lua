-- What a worker hears: {status, now, flags of push, the requests leased, ledger, letters, finished, grants, news,
-- flags of look_up, found_since}.
local LEDGER = {'discovered', 'queued', 'delayed', 'leased', 'done', 'dead', 'pages', 'paused'}

local function described(token, ids)
  local requests = {}
  for _, leased in ipairs(ids) do
    local record = rcall('HGET', key('leases', token), leased[1])
    if record then
      local request = read_held(record)
      requests[#requests + 1] = {request.id, request.attempt, request.deliveries, request.deaths,
        request.slot, request.priority, request.payload, leased[2] and 1 or 0, leased[3] and 1 or 0}
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

local LETTERS, LETTERS_BYTES = 10, 1048576
local function letters()
  return rcall('HRANDFIELD', OUTBOX, fitting(LETTERS, LETTERS_BYTES), 'WITHVALUES')
end

-- A permit that is told of again has become shorter.
local function shortened(granted_at, grants)
  for _, grant in ipairs(grants) do
    grant[3] = math.max(grant[3] - (now - granted_at), 0)
  end
  return grants
end

local function answer(token, flags, ids, granted, heard, links, found)
  return {0, now, flags, described(token, ids), ledger(), letters(), finished() and 1 or 0,
    shortened(granted[1], granted[2]), rcall('ZRANGEBYSCORE', NEWS, heard, '+inf', 'LIMIT', 0, 1000),
    look_up(links), found}
end
