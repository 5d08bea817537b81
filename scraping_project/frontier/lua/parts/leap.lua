-- leap: a worker has seen that Redis's clock was set forward. Permits that it takes for expired still run.
--
-- All slots are taken as sent to until the last of them has ended: see slot. The worker's own are given back, for it may
-- have got them from somebody whose permit had not ended.
local MOST_SLOTS = 5000  -- more than a worker ever has
local function leap(token)
  held_till = now + LONGEST_PERMIT_MS
  rcall('HSET', CRAWL, 'held', held_till)
  for _, slot in pairs(slots_known) do
    hold(slot)
  end
  slots_to_see = MOST_SLOTS
  drop_permits(token)
end
