-- move: a redirect's target takes over its parent's place and goes first in its own slot; a target that is
-- known ends the parent. moves: {id, delivery, fingerprint or '', slot, priority, payload} each.
local function move(token, moves)
  for _, each in ipairs(moves) do
    local request = held(token, each[1], each[2])
    if request and each[3] ~= '' and seen(each[3]) then
      count('filtered:redirect known')
      count('done')
      let_go(token, request)
    elseif request then
      enqueue({id = request.id, attempt = request.attempt, deliveries = request.deliveries, deaths = 0,
        slot = each[4], priority = each[5], payload = each[6]}, true)
      let_go(token, request)
    end
  end
end
