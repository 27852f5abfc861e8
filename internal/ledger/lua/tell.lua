-- Put outcomes of refused documents into the outbox (outbox.lua). Unlike other verbs, this one runs
-- in the pipeline that writes the refusals, without entries.lua, and it writes nothing while Redis
-- is full. ARGV: the prefix, about how many outcomes are kept, the tenant; then id, revision and
-- state of each.
for i = 4, #ARGV, 3 do
  local outcome = { 'id', ARGV[i], 'rev', ARGV[i+1], 'state', ARGV[i+2], 'tenant', ARGV[3] }
  local refused = keep(ARGV[1], ARGV[2], outcome)
  if refused and not string.find(refused.err, 'WRONGTYPE', 1, true) then return refused end
  if refused then lose(ARGV[1], 1) end
end
return 0
