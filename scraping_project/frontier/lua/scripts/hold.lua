-- hold: sites want to be left alone for a while (Retry-After), which all workers learn at their next checkpoint.
--
-- args: waits (slot to ms from now). Told twice, the later moment counts.
even_when_full()
for name, wait in pairs(args.waits) do
  local slot = slot_of(name)
  if now + wait > (slot.after or 0) then
    slot.after = now + wait
    slots_changed[name] = slot
    tell(name)
  end
end
write_slots()
return 1
