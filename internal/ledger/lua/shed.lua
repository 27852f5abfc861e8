-- Drop the documents of invoices that ended without KSeF. ARGV: how many of each state at most, for
-- how long they are kept (ms). Returns how many went, then the ids of invoices whose document is in
-- the archive store.
local max, before, gone, out = ARGV[3], tonumber(now) - tonumber(ARGV[4]) - 1, 0, {}
for _, state in ipairs({ 'rejected', 'dismissed', 'superseded' }) do
  for _, id in ipairs(page('st:' .. state, 'shed:st:' .. state, before, max)) do
    gone = gone + redis.call('UNLINK', P .. 'body:' .. id)
    if read('inv:' .. id, 'body_archived')[1] == '1' then out[#out + 1] = id end
  end
end
table.insert(out, 1, gone)
return out
