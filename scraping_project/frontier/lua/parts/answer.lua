-- The reply to a step: {status, now, flags of push, the requests leased, ledger, letters, finished, grants, news,
-- flags of look_up, found_since}.
local LEDGER = {'discovered', 'queued', 'delayed', 'leased', 'done', 'dead', 'pages', 'paused'}

local function described(token, ids)
  local requests = {}
  for _, leased in ipairs(ids) do
    local record = rcall('HGET', key('leases', token), leased[1])
    local request = record and read_held(record)
    if request then
      requests[#requests + 1] = {request.id, request.attempt, request.deliveries, request.deaths,
        request.slot, request.priority, request.payload, leased[2] and 1 or 0, leased[3] and 1 or 0}
    end
  end
  return requests
end

local function ledger()
  local numbers = rcall('HMGET', CRAWL, unpack(LEDGER))
  for index = 1, #LEDGER do
    numbers[index] = tonumber(numbers[index] or '0') or 0
  end
  return numbers
end

local LETTERS, LETTERS_BYTES = 10, 1048576

-- What is no request gets no row.
local function letters()
  local found, readable = rcall('HRANDFIELD', OUTBOX, fitting(LETTERS, LETTERS_BYTES), 'WITHVALUES'), {}
  for index = 1, #found, 2 do
    local request = read_leased(found[index + 1])
    if request and string.format('%.0f', request.id) == found[index] then
      readable[#readable + 1] = found[index]
      readable[#readable + 1] = found[index + 1]
    else
      put_aside(found[index + 1], '', 0)
      rcall('HDEL', OUTBOX, found[index])
    end
  end
  write_counts()
  return readable
end

-- In the order of the fields of Grant. A permit in a repeated reply has become shorter.
local function in_order(granted_at, grants)
  local list = {}
  for index, grant in ipairs(grants) do
    list[index] = {grant.slot, grant.permits, math.max(grant.lasts_ms - (now - granted_at), 0), grant.wait_ms,
      grant.delay_ms, grant.outcome, grant.adaptive_ms}
  end
  return list
end

local function answer(token, flags, ids, granted, news_ms, links, found)
  return {0, now, flags, described(token, ids), ledger(), letters(), finished() and 1 or 0,
    in_order(granted[1], granted[2]), rcall('ZRANGEBYSCORE', NEWS, news_ms, '+inf', 'LIMIT', 0, 1000),
    look_up(links), found}
end
