-- A request as it lies in a queue, and as it lies elsewhere.
--
-- queued: id (5 bytes), attempt, deliveries, deaths (1 byte each), payload
-- leased: priority (4 bytes), length of the slot (1 byte), slot, then as queued
-- held: order among all that its worker was given (4 bytes), then as leased
--
-- A payload may be a megabyte: each is copied once when it is written, and once when it is read. A reader gets
-- nil for what is none, see undecodable.
local QUEUED_BYTES, LEASED_BYTES, HELD_BYTES = 8, 5, 4
local highest_id

-- An id that was never given is none of ours.
local function is_given(id)
  if not highest_id or id > highest_id then
    highest_id = counter('next')
  end
  return id >= 1 and id <= highest_id
end

local function queued_head(request)
  return struct.pack('>I5I1I1I1', request.id, math.min(request.attempt, 255),
    math.min(request.deliveries, 255), math.min(request.deaths, 255))
end

local function leased_head(request)
  return struct.pack('>i4I1', request.priority, #request.slot) .. request.slot .. queued_head(request)
end

local function queued_record(request)
  return queued_head(request) .. request.payload
end

local function leased_record(request)
  return leased_head(request) .. request.payload
end

local function held_record(request, order)
  return struct.pack('>I4', order) .. leased_head(request) .. request.payload
end

local function read_queued(record, slot, priority, from)
  from = from or 1
  if #record - from + 1 < QUEUED_BYTES then
    return nil
  end
  local id, attempt, deliveries, deaths, at = struct.unpack('>I5I1I1I1', record, from)
  return is_given(id) and {id = id, attempt = attempt, deliveries = deliveries, deaths = deaths,
    payload = string.sub(record, at), slot = slot, priority = priority} or nil
end

local function read_leased(record, from)
  from = from or 1
  if #record - from + 1 < LEASED_BYTES then
    return nil
  end
  local priority, length, at = struct.unpack('>i4I1', record, from)
  return read_queued(record, string.sub(record, at, at + length - 1), priority, at + length)
end

local function read_held(record)
  if #record < HELD_BYTES then
    return nil
  end
  local order, at = struct.unpack('>I4', record)
  local request = read_leased(record, at)
  if request then
    request.order = order
  end
  return request
end
