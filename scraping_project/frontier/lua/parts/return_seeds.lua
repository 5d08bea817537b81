-- Gives back the seeds that a worker has taken and not pushed, to a list, a set or a sorted set: what the key is,
-- or, when nothing is left of it, was. A move that it was waiting for in Redis may yet come true, so its token is
-- kept for a while among those that are gone.
local put_seed = {
  list = function(seed) rcall('RPUSH', SEEDS, seed) end,
  set = function(seed) rcall('SADD', SEEDS, seed) end,
  zset = function(seed, score) rcall('ZADD', SEEDS, 'NX', tonumber(score) and score or 0, seed) end,
}

local function seeds_back(token)
  local known = rcall('HMGET', key('worker', token), 'taken from', 'scores')
  local kind = rcall('TYPE', SEEDS).ok
  local put = put_seed[kind == 'none' and (known[1] or 'list') or kind]
  if not put then
    return  -- somebody has put something else there
  end
  local is_packed, scores = pcall(cmsgpack.unpack, known[2] or '\128')  -- an empty map
  scores = is_packed and type(scores) == 'table' and scores or {}
  local seed = rcall('LPOP', key('seeds', token))
  while seed do
    put(seed, scores[seed])
    count('seeds returned')
    seed = rcall('LPOP', key('seeds', token))
  end
end

local function return_seeds(token)
  seeds_back(token)
  rcall('ZADD', GONE, now, token)
end
