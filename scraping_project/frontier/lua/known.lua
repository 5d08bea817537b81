-- known: asks the dupe filter, and changes nothing.
--
-- args: fingerprints (decimal strings without leading zeros)
-- Returns a string with a character for each: '1' known, '0' not.
local function known()
  local flags = {}
  seen_load()
  for index, fingerprint in ipairs(args.fingerprints) do
    flags[index] = rcall('SISMEMBER', of_crawl('seen', seen_address(fingerprint)), fingerprint)
  end
  return table.concat(flags)
end

return known()
