-- Record how a process seals documents. ARGV: layout, id of its first key or '', ids of the keys
-- that it holds, ids of the keys to retire. The last two are lists, separated by commas. If there
-- are active keys and the process holds none of them, nothing is written. Returns {1}, or {0} when
-- nothing was written.
local layout, first, held, gone = tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local all = redis.call('HGETALL', P .. 'seals')
local active, member, newest = false, false, 0
for i = 1, #all, 2 do
  if all[i] == 'layout' then newest = tonumber(all[i+1])
  elseif all[i+1] == 'active' then
    active = true
    member = member or has(held, all[i])
  end
end
if active and not member then return { 0 } end
if newest < layout then redis.call('HSET', P .. 'seals', 'layout', layout) end
for id in string.gmatch(gone, '[^,]+') do redis.call('HSET', P .. 'seals', id, 'retired') end
if first ~= '' then redis.call('HSET', P .. 'seals', first, 'active') end
return { 1 }
