-- letters: a dead letter, as people read it (JSON) and as it was leased, and how many there are of each reason and slot.
--
-- The crawl's field `grouped` says whether these numbers are right: 1: all letters are counted; a larger one: they are
-- being counted since then (ms), and `counted` has the ids of those that are; absent: an older version has begun the
-- crawl, or somebody else's value was in the place. Then nothing is counted before count_letters begins.
local BURIED_BY, COUNTED = of_crawl('buried_by'), of_crawl('counted')
local ALL_COUNTED, UNREADABLE = 1, 'undecodable'
local grouped

-- Somebody else's value there is put aside by the look at it, and the numbers are to be counted anew.
local function read_grouped()
  grouped = tonumber(rcall('HGET', CRAWL, 'grouped') or '0') or 0
  for name, kind in pairs({[BURIED_BY] = {'zset', 'ZCARD'}, [COUNTED] = {'set', 'SCARD'}}) do
    local found = rcall('TYPE', name).ok
    if found ~= kind[1] and found ~= 'none' then
      rcall(kind[2], name)
      rcall('HDEL', CRAWL, 'grouped')
      grouped = 0
    end
  end
end

-- The reason of a letter, a word without spaces; another for what is no letter.
local function reason_of(letter)
  local is_json, fields = pcall(cjson.decode, letter)
  local reason = is_json and type(fields) == 'table' and fields.reason
  return type(reason) == 'string' and string.find(reason, '^[%w_.-]+$') and reason or UNREADABLE
end

-- Whether this letter counts: while they are being counted, one that goes may not have been.
local function note_counted(id, by)
  if not grouped then
    read_grouped()
  end
  if grouped <= ALL_COUNTED then
    return grouped == ALL_COUNTED
  end
  return rcall(by > 0 and 'SADD' or 'SREM', COUNTED, id) == 1
end

local function group(id, slot, letter, by)
  if note_counted(id, by) then
    local member = reason_of(letter) .. ' ' .. slot
    local left = tonumber(rcall('ZINCRBY', BURIED_BY, by, member))
    if left <= 0 then
      rcall('ZREM', BURIED_BY, member)
    end
  end
end

local function add_letter(request, letter)
  rcall('HSET', DEAD, request.id, letter)
  rcall('HSET', BURIED, request.id, leased_record(request))
  count('dead')
  group(request.id, request.slot, letter, 1)
end

local function take_letter(id, slot)
  local letter = rcall('HGET', DEAD, id)
  rcall('HDEL', BURIED, id)
  if letter then
    rcall('HDEL', DEAD, id)
    group(id, slot, letter, -1)
  end
  count('dead', -1)
end
