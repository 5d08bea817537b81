-- look_up: asks the dupe filter, and changes nothing.
--
-- fingerprints: decimal strings without leading zeros
-- Returns a string with a character for each: '1' known, '0' not.
local function look_up(fingerprints)
  local flags = {}
  if not seen_count then
    seen_load()
  end
  for index, fingerprint in ipairs(fingerprints) do
    flags[index] = rcall('SISMEMBER', of_crawl('seen', seen_address(fingerprint)), fingerprint)
  end
  return table.concat(flags)
end
