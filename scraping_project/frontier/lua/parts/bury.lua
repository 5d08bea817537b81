-- bury: will not be tried again. letters: {id, delivery, letter} each; the letter is JSON.
local function bury(token, letters)
  for _, each in ipairs(letters) do
    local request = held(token, each[1], each[2])
    if request then
      add_letter(request, each[3])
      let_go(token, request)
    end
  end
end
