-- A slot's clock and its permits: when the site may be asked next, and by whom. Read once a script, written once.
--
-- It outlives the slot's queue and the crawl, and expires by itself once nothing in it counts any more.
--   sent      ms, the last request, as late as it may have been
--   delay     ms, between two requests, as last applied
--   crawl     ms, what robots.txt asks for; 0: nothing; absent: not known yet
--   after     ms, nothing is to be sent before
--   adaptive  ms, what the site's latency asks for
--   cap       how many requests may be in flight at once, by the settings of whom was asked for last
--   since     ms, when its only holder got it; wanted: 1 when somebody else waits for it
--   lacked    ms, when somebody last got less than a share; sharers: among how many
--   @<token>  "permits until": how many requests that worker may have in flight, and until when (ms)
local FIELDS = {'sent', 'delay', 'crawl', 'after', 'adaptive', 'cap', 'since', 'wanted', 'lacked', 'sharers'}
local REMEMBERED_MS = 600000
local ORDERS, NEWS = key('orders'), key('news')
local IS_FIELD, MOST_DIGITS = {}, 14
for _, field in ipairs(FIELDS) do
  IS_FIELD[field] = true
end
local slots_known, slots_changed = {}, {}

-- A permit that ran out may have been used up to its last instant.
local function drop_expired(slot)
  for token, permit in pairs(slot.permits) do
    if permit.till <= now then
      slot.sent = math.max(slot.sent or 0, permit.till)
      slot.permits[token] = nil
      slots_changed[slot.name] = slot
    end
  end
end

-- What lies in the future after Redis's clock was set back came of its old time.
local LONGEST_PERMIT_MS, LONGEST_WAIT_MS = 5000, 86400000
local function sane(slot)
  for _, past in ipairs({'sent', 'since', 'lacked'}) do
    slot[past] = slot[past] and math.min(slot[past], now)
  end
  slot.after = slot.after and math.min(slot.after, now + LONGEST_WAIT_MS)
  for _, permit in pairs(slot.permits) do
    permit.till = math.min(permit.till, now + LONGEST_PERMIT_MS)
  end
end

-- Redis's clock was set forward (see leap): until then somebody may send whose permit seems to have expired, and for a
-- while the last request of a slot may be forgotten. Absent, or too far ahead: it was not, or was set back since.
local HELD_FOR_MS = 60000
local held_till
local function hold(slot)
  held_till = held_till or tonumber(rcall('HGET', CRAWL, 'held') or '0')
  if held_till <= now + LONGEST_PERMIT_MS and held_till > now - HELD_FOR_MS then
    slot.sent = math.max(slot.sent or 0, held_till)
  end
end

local function slot_of(name)
  if slots_known[name] then
    return slots_known[name]
  end
  local slot, fields = {name = name, permits = {}}, rcall('HGETALL', key('slot', name))
  for index = 1, #fields, 2 do
    local name_of_field, value = fields[index], fields[index + 1]
    local token = string.match(name_of_field, '^@(.*)$')
    if token then
      local permits, till = string.match(value, '^(%d+) (%d+)$')
      slot.permits[token] = permits and {count = tonumber(permits), till = tonumber(till)}
    elseif IS_FIELD[name_of_field] and string.find(value, '^%d+$') and #value <= MOST_DIGITS then
      slot[name_of_field] = tonumber(value)
    end
  end
  slots_known[name] = slot
  sane(slot)
  drop_expired(slot)
  hold(slot)
  return slot
end

-- The order of the operator for a slot: delay (ms), paused, blocked. What is no order counts as none.
local any_orders
local function order_of(name)
  any_orders = any_orders or rcall('HLEN', ORDERS)
  local text = any_orders > 0 and rcall('HGET', ORDERS, name)
  local is_json, order = pcall(cjson.decode, text or '{}')
  if not (is_json and type(order) == 'table') then
    return {}
  end
  local delay = type(order.delay) == 'number' and order.delay >= 0 and order.delay <= LONGEST_WAIT_MS and order.delay
  return {delay = delay or nil, paused = order.paused == true, blocked = order.blocked == true}
end

-- When somebody else may have the slot.
local function free_at(slot)
  local at = math.max(slot.after or 0, (slot.sent or 0) + (slot.delay or 0))
  for _, permit in pairs(slot.permits) do
    if (slot.delay or 0) > 0 then
      at = math.max(at, permit.till + slot.delay)
    end
  end
  return at
end

local function write_slot(slot)
  local name, fields, expires = key('slot', slot.name), {}, free_at(slot)
  for _, field in ipairs(FIELDS) do
    if slot[field] then
      fields[#fields + 1] = field
      fields[#fields + 1] = string.format('%.0f', slot[field])
    end
  end
  for token, permit in pairs(slot.permits) do
    fields[#fields + 1] = '@' .. token
    fields[#fields + 1] = string.format('%.0f %.0f', permit.count, permit.till)
    expires = math.max(expires, permit.till)
  end
  if slot.crawl or slot.adaptive then
    expires = math.max(expires, now + REMEMBERED_MS)
  end
  rcall('DEL', name)
  if expires > now then
    rcall('HSET', name, unpack(fields))
    rcall('PEXPIREAT', name, string.format('%.0f', expires + 1))
  end
end

local function write_slots()
  for _, slot in pairs(slots_changed) do
    write_slot(slot)
  end
  slots_changed = {}
end

-- Tells the slot's other workers at their next checkpoint to look at it again.
local function tell(name)
  rcall('ZADD', NEWS, this_instant, name)
end
