-- Gives back the seeds that a worker has taken and not pushed. A move that it was waiting for in Redis may
-- yet come true, so its token is kept for a while among those that are gone.
local function seeds_back(token)
  while rcall('LMOVE', key('seeds', token), SEEDS, 'LEFT', 'RIGHT') do
    count('seeds returned')
  end
end

local function return_seeds(token)
  seeds_back(token)
  rcall('ZADD', GONE, now, token)
end
