-- found: what is new, told to the other workers' mirrors of the dupe filter: one element for each step that has
-- found something, fingerprints with spaces between. Bounded; a worker that misses some of it asks or pushes, and learns it then.
local FOUND = of_crawl('found')
local STEPS_TOLD, TOLD_A_STEP = 32, 1000
local TOLD_TO_ALL = 512  -- steps: of many workers, each gets fewer

-- Returns {how many steps have told something, what those after the first so many have told}.
local function found_since(known_steps)
  local told = counter('found')
  local most = math.ceil(TOLD_TO_ALL / math.max(rcall('ZCARD', WORKERS), 1))
  local missed = math.min(told - known_steps, STEPS_TOLD, most)
  return {told, missed > 0 and table.concat(rcall('LRANGE', FOUND, -missed, -1), ' ') or ''}
end

-- requests, flags: what was pushed, and what push said of it. Returns by how much the number of steps has grown.
local function tell_found(requests, flags)
  local new = {}
  for index, request in ipairs(requests) do
    if #new < TOLD_A_STEP and request[1] ~= '' and string.byte(flags, index) == 49 then  -- '1'
      new[#new + 1] = request[1]
    end
  end
  if #new == 0 or rcall('ZCARD', WORKERS) < 2 then
    return 0
  end
  rcall('RPUSH', FOUND, table.concat(new, ' '))
  rcall('LTRIM', FOUND, -STEPS_TOLD, -1)
  count('found')
  return 1
end
