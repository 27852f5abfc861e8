-- Continue the pass through the queued invoices. ARGV: about how many to read, and a time (ms).
-- Invoices that have changed after that time are left out. Returns the position of the pass, '0' at
-- its end, then the ids of those that are in no waiting set. The groups of the others are put back
-- into the list of groups if they are missing there.
local max, before = ARGV[3], tonumber(ARGV[4])
local page = index('ZSCAN', P .. 'st:queued', index('GET', P .. 'looked') or '0', 'COUNT', max)
if not page then return { '0' } end
redis.call('SET', P .. 'looked', page[1])
local out, groups = { page[1] }, {}
for i = 1, #page[2], 2 do
  if tonumber(page[2][i+1]) <= before then
    local id = page[2][i]
    local group = read('inv:' .. id, 'group')[1]
    if not group or group == '' or not index('ZSCORE', P .. 'waitage:' .. group, id) then
      out[#out+1] = id
    else
      groups[group] = true
    end
  end
end
for group in pairs(groups) do index('SADD', P .. 'groups', group) end
return out
