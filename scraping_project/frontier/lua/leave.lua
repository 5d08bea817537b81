-- leave: a worker goes; what it still holds goes back to its queues.
--
-- args: token
-- Returns how many requests it gave back.
local function leave()
  even_when_full()
  return_seeds(args.token)
  if rcall('HEXISTS', key('worker', args.token), 'sequence') == 0 then
    return 0
  end
  local requests = all_held(args.token)
  for _, request in ipairs(requests) do
    untouched(args.token, request)
  end
  drop_permits(args.token)
  forget_worker(args.token)
  write_slots()
  write_counts()
  return #requests
end

return leave()
