-- A request as it lies in a queue, and as it lies elsewhere.
--
-- queued: id (5 bytes), attempt, deliveries, deaths (1 byte each), payload
-- leased: priority (4 bytes), length of the slot (1 byte), slot, then as queued
-- held: order among all that its worker was given (4 bytes), then as leased
local function queued_record(request)
  return struct.pack('>I5I1I1I1', request.id, math.min(request.attempt, 255),
    math.min(request.deliveries, 255), math.min(request.deaths, 255)) .. request.payload
end

local function read_queued(record, slot, priority)
  local id, attempt, deliveries, deaths, at = struct.unpack('>I5I1I1I1', record)
  return {id = id, attempt = attempt, deliveries = deliveries, deaths = deaths,
    payload = string.sub(record, at), slot = slot, priority = priority}
end

local function leased_record(request)
  return struct.pack('>i4I1', request.priority, #request.slot) .. request.slot .. queued_record(request)
end

local function read_leased(record)
  local priority, length, at = struct.unpack('>i4I1', record)
  return read_queued(string.sub(record, at + length), string.sub(record, at, at + length - 1), priority)
end

local function held_record(request, order)
  return struct.pack('>I4', order) .. leased_record(request)
end

local function read_held(record)
  local request = read_leased(string.sub(record, 5))
  request.order = struct.unpack('>I4', record)
  return request
end
