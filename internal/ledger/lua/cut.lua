-- Make a package of a waiting group's most urgent invoices. ARGV: home, group, package id, most invoices,
-- most bytes, number of field words, the fields. Returns the ids.
--
-- P_2 is unique in a package, because KSeF's answers are matched by it. A second invoice of the
-- same number waits for the next package.
--
-- An entry that cannot be read leaves the waiting set and is not changed itself. If it stayed in
-- the set, the pool would count it and try to cut a package for it every second. Once it can be
-- read again, the sweep finds that it says it waits and does not, and puts it back
-- (Ledger.WithoutTask).
local away = elsewhere()
if away then return away end
local group, pkg, max, bytes, nf = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('EXISTS', P .. 'pkg:' .. pkg) == 1 then return redis.error_reply('package exists') end
local ids = redis.call('ZRANGE', P .. 'wait:' .. group, 0, max * 2 - 1)
local taken, numbers, size, first = {}, {}, 0, nil
for _, id in ipairs(ids) do
  if #taken >= max then break end
  local e = entry(id, 'number', 'facts')
  local number = e[7]
  if e[1] ~= 'queued' or e[4] ~= group or not number or e.damaged or not readable(e[8]) then
    -- An entry that is gone or was moved by hand must not block the group for ever.
    redis.call('ZREM', P .. 'wait:' .. group, id)
    if redis.call('ZREM', P .. 'waitage:' .. group, id) == 1 then
      redis.call('HINCRBY', P .. 'waitsize', group, 0 - tonumber(e[5]))
    end
  elseif not numbers[number] then
    if #taken > 0 and size + tonumber(e[5]) > bytes then break end
    size = size + tonumber(e[5])
    numbers[number] = true
    first = first or e[6]
    taken[#taken+1] = id
    put(id, 'queued', 'packed', group, e[5], e[6], '', { 'package', pkg, 'session', '' })
    redis.call('ZADD', P .. 'pkginv:' .. pkg, #taken, id)
  end
end
if redis.call('EXISTS', P .. 'wait:' .. group) == 0 then
  redis.call('SREM', P .. 'groups', group)
  redis.call('HDEL', P .. 'waitsize', group)
end
if #taken == 0 then return taken end
local fields = {}
for k = 1, nf do fields[k] = ARGV[7+k] end
for _, w in ipairs({ 'count', #taken, 'size', size, 'deadline', first, 'created_at', now, 'rev', 0 }) do fields[#fields+1] = w end
movepkg(pkg, '', 'cut', fields)
return taken
