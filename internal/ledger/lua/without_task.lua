-- Continue the pass through the queued invoices. ARGV: about how many to read, only those that
-- changed last up to this time (ms). Returns the position of the pass, '0' at its end, then the ids
-- of those that are in no waiting set.
local max, before = ARGV[3], tonumber(ARGV[4])
local page = redis.call('ZSCAN', P .. 'st:queued', redis.call('GET', P .. 'looked') or '0', 'COUNT', max)
redis.call('SET', P .. 'looked', page[1])
local out = { page[1] }
for i = 1, #page[2], 2 do
  if tonumber(page[2][i+1]) <= before then
    local id = page[2][i]
    local group = read('inv:' .. id, 'group')[1]
    if not group or group == '' or not redis.call('ZSCORE', P .. 'waitage:' .. group, id) then out[#out+1] = id end
  end
end
return out
