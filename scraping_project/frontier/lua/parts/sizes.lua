-- The largest request of the crawl. By it a script knows how many it may read without knowing how large they are.
local largest

local function largest_request()
  largest = largest or tonumber(rcall('HGET', CRAWL, 'largest') or '0')
  return largest
end

local function note_size(payload)
  if #payload > largest_request() then
    largest = #payload
    rcall('HSET', CRAWL, 'largest', largest)
  end
end

-- How many requests surely have room in so many bytes: `most` at the most, and at least one.
local function fitting(most, bytes)
  return math.max(math.min(most, math.floor(bytes / math.max(largest_request(), 1))), 1)
end
