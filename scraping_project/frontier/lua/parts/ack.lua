-- ack: ended well, or for good. ends: {id, delivery} each.
local function ack(token, ends)
  for _, each in ipairs(ends) do
    local request = held(token, each[1], each[2])
    if request then
      let_go(token, request)
      count('done')
    end
  end
end
