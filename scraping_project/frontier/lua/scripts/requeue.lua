-- requeue: puts dead letters back into their queues, as new.
--
-- args: ids, epoch (of the crawl whose letters they are; false: of the one that there is)
-- Returns how many there were, none of another crawl; -1 when the finished crawl has a time to live, see persist, and changes nothing.
local function requeue()
  if args.epoch and args.epoch ~= tonumber(EPOCH) then
    return 0
  end
  if rcall('HEXISTS', CRAWL, 'expires') == 1 then
    return -1
  end
  local moved = 0
  for _, id in ipairs(args.ids) do
    local record = rcall('HGET', BURIED, id)
    local request = record and read_leased(record)
    if request then
      request.attempt, request.deliveries, request.deaths = request.attempt + 1, 0, 0
      enqueue(request, false)
      take_letter(id, request.slot)
      moved = moved + 1
    end
  end
  write_counts()
  return moved
end

return requeue()
