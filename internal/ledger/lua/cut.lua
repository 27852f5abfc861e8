-- Take the most urgent invoices of a waiting group into a package, at most a given number in one
-- call.
--
-- ARGV:
--   home
--   group
--   package id
--   revision of the package, or '0' to make it
--   maximum number of invoices
--   maximum bytes of the whole package
--   '1' when more calls follow
--   number of field words
--   fields of a new package
--   how many invoices at the head of the waiting set earlier calls passed over
--
-- Returns {how many are passed over now, '1' when there are more behind them, the ids}. There are
-- no ids if the package has changed since it was read or is full.
--
-- P_2 is unique in a package, because KSeF's answers are matched by it. A second invoice of the
-- same number waits for the next package. The numbers are kept from call to call.
--
-- An unreadable entry leaves the waiting set and stays as it is. If it stayed in the set, the pool
-- would count it and try to cut a package for it every second. Once the entry can be read again,
-- the sweep finds that it is not in the waiting set that it names, and puts it back
-- (Ledger.WithoutTask).
local away = elsewhere()
if away then return away end
local group, pkg, rev, max, bytes, more, nf =
  ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8] == '1', tonumber(ARGV[9])
local past = tonumber(ARGV[10 + nf])
local count, size, first, taken, numbers, names, entries, places = 0, 0, nil, {}, {}, {}, {}, {}
local function answer(behind)
  table.insert(taken, 1, behind and '1' or '0')
  table.insert(taken, 1, past)
  return taken
end
if rev ~= '0' then
  local p = read('pkg:' .. pkg, 'state', 'rev', 'count', 'size', 'deadline')
  if p[1] ~= 'cut' or p[2] ~= rev then
    redis.call('UNLINK', P .. 'cutnum:' .. pkg)
    return answer()
  end
  count, size, first = tonumber(whole(p[3])), tonumber(whole(p[4])), whole(p[5])
elseif redis.call('EXISTS', P .. 'pkg:' .. pkg) == 1 then
  return redis.error_reply('package exists')
end
local found, full = redis.call('ZRANGE', P .. 'wait:' .. group, past, past + max * 5 - 1), false
for _, id in ipairs(found) do
  if #taken >= max then break end
  local e = entry(id, 'number', 'facts')
  local number = e[7]
  if e[1] ~= 'queued' or e[4] ~= group or not number or e.damaged or not readable(e[8]) then
    -- The entry is gone or was moved by hand. It must not stay at the head of the waiting set for
    -- ever.
    index('ZREM', P .. 'wait:' .. group, id)
    if index('ZREM', P .. 'waitage:' .. group, id) == 1 then
      index('HINCRBY', P .. 'waitsize', group, 0 - tonumber(e[5]))
    end
  elseif not numbers[number] and (rev == '0' or redis.call('SISMEMBER', P .. 'cutnum:' .. pkg, number) == 0) then
    if count + #taken > 0 and size + tonumber(e[5]) > bytes then full = true; break end
    size = size + tonumber(e[5])
    numbers[number] = true
    if not first or tonumber(e[6]) < tonumber(first) then first = e[6] end
    taken[#taken+1], names[#names+1], entries[#entries+1] = id, number, e
    places[#places+1], places[#places+2] = count + #taken, id
  else
    past = past + 1
  end
end
local behind = not full and (#taken == max or #found == max * 5)
if #places > 0 then redis.call('ZADD', P .. 'pkginv:' .. pkg, unpack(places)) end
for k, id in ipairs(taken) do put(id, entries[k], 'packed', '', { 'package', pkg, 'session', '' }) end
if #taken == 0 then empty(group) end
if behind and (more or #taken < max) then
  if #names > 0 then redis.call('SADD', P .. 'cutnum:' .. pkg, unpack(names)) end
  redis.call('EXPIRE', P .. 'cutnum:' .. pkg, 600)
elseif rev ~= '0' then
  redis.call('UNLINK', P .. 'cutnum:' .. pkg)
end
if #taken == 0 then return answer(behind) end
if rev ~= '0' then
  movepkg(pkg, 'cut', 'cut', { 'count', count + #taken, 'size', size, 'deadline', first })
  return answer(behind)
end
local fields = {}
for k = 1, nf do fields[k] = ARGV[9+k] end
for _, w in ipairs({ 'count', #taken, 'size', size, 'deadline', first, 'created_at', now, 'rev', 0 }) do fields[#fields+1] = w end
movepkg(pkg, '', 'cut', fields)
return answer(behind)
