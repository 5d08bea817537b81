-- read_only: what a script that only reads makes of somebody else's value: it is as if absent, and stays where it is.
local NOTHING = {HGETALL = {}, HMGET = {}, HGET = false, HSCAN = {'0', {}}, HLEN = 0, LLEN = 0, SCARD = 0, ZCARD = 0,
  ZCOUNT = 0, ZMSCORE = {}, ZRANGE = {}, ZREVRANGE = {}, EXISTS = 0}
without_foreign = function(problem, command)
  if not string.find(problem, 'WRONGTYPE', 1, true) then
    error(problem)
  end
  return NOTHING[command]
end
