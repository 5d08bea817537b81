-- take_seeds: moves seeds to a worker's own list, from a set, a sorted set (the highest score first) or a list.
--
-- args: token, most (that it may hold at a time), longest (bytes of a seed that are held, and returned)
-- Returns the seeds in the order in which they are to be used.
--
-- The worker keeps where they came from, and with which scores, until it is gone: they may have to go back.
local WORKER, TAKEN = key('worker', args.token), key('seeds', args.token)

local function of_list(most)
  local found, seeds = rcall('LRANGE', SEEDS, -most, -1), {}
  for index = #found, 1, -1 do
    seeds[#seeds + 1] = found[index]
  end
  return seeds, {}
end

local function of_set(most)
  return rcall('SRANDMEMBER', SEEDS, most), {}
end

local function of_sorted_set(most)
  local found, seeds, scores = rcall('ZREVRANGE', SEEDS, 0, most - 1, 'WITHSCORES'), {}, {}
  for index = 1, #found, 2 do
    seeds[#seeds + 1] = found[index]
    scores[found[index]] = found[index + 1]
  end
  return seeds, scores
end

local function remove(kind, seeds)
  if kind == 'list' then
    rcall('LTRIM', SEEDS, 0, -#seeds - 1)
  else
    rcall(kind == 'set' and 'SREM' or 'ZREM', SEEDS, unpack(seeds))
  end
end

local function remember(kind, scores)
  local is_packed, known = pcall(cmsgpack.unpack, rcall('HGET', WORKER, 'scores') or '\128')  -- an empty map
  known = is_packed and type(known) == 'table' and known or {}
  for _, seed in ipairs(rcall('LRANGE', TAKEN, 0, -1)) do
    scores[seed] = scores[seed] or known[seed]
  end
  rcall('HSET', WORKER, 'taken from', kind, 'scores', cmsgpack.pack(scores))
end

local function take_seeds()
  local kind, most = rcall('TYPE', SEEDS).ok, args.most - rcall('LLEN', TAKEN)
  if kind == 'none' or most <= 0 or rcall('HEXISTS', WORKER, 'sequence') == 0 then
    return {}
  end
  local read = ({list = of_list, set = of_set, zset = of_sorted_set})[kind]
  if not read then
    return redis.error_reply('WRONGTYPE ' .. SEEDS .. ' is a ' .. kind .. ', no list, set or sorted set of seeds')
  end
  local found, found_scores = read(most)
  local seeds, scores = {}, {}
  for index, seed in ipairs(found) do
    seeds[index] = string.sub(seed, 1, args.longest)
    scores[seeds[index]] = found_scores[seed]
  end
  remember(kind, scores)  -- first, for Redis refuses it when its memory is full, and then nothing is moved
  rcall('LPUSH', TAKEN, unpack(seeds))
  remove(kind, found)
  return seeds
end

return take_seeds()
