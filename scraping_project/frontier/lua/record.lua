-- A request as it lies in a queue, and as it lies elsewhere.
--
-- queued: id (5 bytes), attempt, deliveries, deaths (1 byte each), payload
-- leased: priority (4 bytes), length of the slot (1 byte), slot, then as queued
-- held: order among all that its worker was given (4 bytes), then as leased
--
-- Whoever reads one gets nil for what is none, see undecodable.
local QUEUED_BYTES, LEASED_BYTES, HELD_BYTES = 8, 5, 4
local highest_id

-- An id that was never given is none of ours.
local function is_given(id)
  if not highest_id or id > highest_id then
    highest_id = counter('next')
  end
  return id >= 1 and id <= highest_id
end

local function queued_record(request)
  return struct.pack('>I5I1I1I1', request.id, math.min(request.attempt, 255),
    math.min(request.deliveries, 255), math.min(request.deaths, 255)) .. request.payload
end

local function read_queued(record, slot, priority)
  if #record < QUEUED_BYTES then
    return nil
  end
  local id, attempt, deliveries, deaths, at = struct.unpack('>I5I1I1I1', record)
  return is_given(id) and {id = id, attempt = attempt, deliveries = deliveries, deaths = deaths,
    payload = string.sub(record, at), slot = slot, priority = priority} or nil
end

local function leased_record(request)
  return struct.pack('>i4I1', request.priority, #request.slot) .. request.slot .. queued_record(request)
end

local function read_leased(record)
  if #record < LEASED_BYTES then
    return nil
  end
  local priority, length, at = struct.unpack('>i4I1', record)
  return read_queued(string.sub(record, at + length), string.sub(record, at, at + length - 1), priority)
end

local function held_record(request, order)
  return struct.pack('>I4', order) .. leased_record(request)
end

local function read_held(record)
  local request = #record > HELD_BYTES and read_leased(string.sub(record, HELD_BYTES + 1)) or nil
  if request then
    request.order = struct.unpack('>I4', record)
  end
  return request
end
