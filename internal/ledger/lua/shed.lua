-- Delete the documents of invoices that ended without KSeF, and find ended invoices whose documents
-- are in the archive store.
--
-- ARGV:
--   maximum number of invoices of each state
--   how long documents of invoices that ended without KSeF are kept (ms), '' for ever
--   how long an invoice is left alone after its receipt (ms)
--
-- Returns how many documents were deleted, then ids of invoices whose document is in the archive
-- store: first those that ended without KSeF, then '', then those that are receipted.
local max, gone, out, receipted = ARGV[3], 0, {}, {}
local before = ARGV[4] == '' and -1 or tonumber(now) - tonumber(ARGV[4]) - 1
for _, id in ipairs(page('st:receipted', 'shed:st:receipted', tonumber(now) - tonumber(ARGV[5]) - 1, max)) do
  if read('inv:' .. id, 'body_archived')[1] == '1' then receipted[#receipted + 1] = id end
end
for _, state in ipairs(before > 0 and { 'rejected', 'dismissed', 'superseded' } or {}) do
  for _, id in ipairs(page('st:' .. state, 'shed:st:' .. state, before, max)) do
    gone = gone + redis.call('UNLINK', P .. 'body:' .. id)
    local e = read('inv:' .. id, 'body_archived', 'shedding')
    if e[1] == '1' or e[2] == '1' then out[#out + 1] = id end
  end
end
table.insert(out, 1, gone)
out[#out + 1] = ''
for _, id in ipairs(receipted) do out[#out + 1] = id end
return out
