-- count_letters: counts the dead letters of each reason and slot, some with each call: an older version has not.
--
-- args: began ('' to begin, or else what the last call returned), cursor (the same; '0' to begin), most (about so many
-- letters with each call)
-- Returns {began, cursor}; cursor '0' at the end. What is buried or put back meanwhile is counted there, see letters: so
-- it may be broken off and begun again, and who begins while somebody counts goes on with that.
local function begin()
  if grouped <= ALL_COUNTED then
    rcall('UNLINK', BURIED_BY, COUNTED)
    grouped = now
    rcall('HSET', CRAWL, 'grouped', now)
  end
  return string.format('%.0f', grouped)
end

local function count_some(cursor)
  local next_cursor, letters = letters_found(cursor, args.most)
  for _, each in ipairs(letters) do
    group(each[1], each[2], each[3], 1)
  end
  return next_cursor
end

-- With a crawl that expires, its numbers do.
local function expire_too()
  local at = rcall('HGET', CRAWL, 'expires')
  for _, name in ipairs(at and {BURIED_BY, COUNTED} or {}) do
    rcall('PEXPIREAT', name, at)
  end
end

local function count_letters()
  if EPOCH == '0' then
    return {'', '0'}
  end
  read_grouped()
  local began = args.began == '' and begin() or args.began
  if began ~= string.format('%.0f', grouped) then
    return {began, '0'}  -- somebody else has come to the end, or another crawl has begun
  end
  local cursor = count_some(args.cursor)
  if cursor == '0' then
    rcall('UNLINK', COUNTED)
    rcall('HSET', CRAWL, 'grouped', ALL_COUNTED)
  end
  expire_too()
  return {began, cursor}
end

return count_letters()
