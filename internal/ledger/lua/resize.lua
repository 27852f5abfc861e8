-- Count the bytes of a waiting set again, in steps.
--
-- ARGV of the first step: the group, how many invoices one step counts. Each later step also gets
-- the values that the step before returned behind 'more':
--   the highest score that is counted in steps
--   score of the last invoice that was counted
--   id of the last invoice that was counted
--   how many were counted
--   the bytes counted so far
--   the count of the set at the beginning
--
-- Returns {'more', …}, {'done'}, or {'again'} when an invoice left the set meanwhile or Redis's
-- clock has stepped back.
--
-- An invoice that enters the set during the count stands behind all others, and adds its bytes to
-- the count of the set. So the steps count only the invoices that were there at the beginning. (The
-- first step also counts those that entered in its own millisecond, all at once.) The growth of the
-- set's count since the beginning is the bytes of the invoices that came later. This holds only if
-- no invoice that was there at the beginning has left, so the last step checks that all of them are
-- still there.
local group, max = ARGV[3], tonumber(ARGV[4])
local ages, until_, at, id, n, sum, base = P .. 'waitage:' .. group, ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
if not index('ZCARD', ages) or not index('HLEN', P .. 'waitsize') then return { 'done' } end -- a sick key, which the sweep reports
local function bytes(ids)
  local all = 0
  for _, inv in ipairs(ids) do all = all + tonumber(whole(read('inv:' .. inv, 'size')[1])) end
  return all
end
local function count() return tonumber(whole(index('HGET', P .. 'waitsize', group))) end
n, sum, base = tonumber(n or 0), tonumber(sum or 0), tonumber(base or 0)
if not until_ then
  until_ = string.format('%.0f', tonumber(now) - 1)
  local young = redis.call('ZRANGEBYSCORE', ages, '(' .. until_, '+inf', 'LIMIT', 0, max + 1)
  if #young > max then return { 'again' } end -- Redis's clock has stepped back
  base, sum, at, id = count(), bytes(young), '-inf', ''
end
local start = id == '' and 0 or rank_behind(ages, at, id)
local found, ids = redis.call('ZRANGE', ages, start, start + max - 1, 'WITHSCORES'), {}
for i = 1, #found, 2 do
  if tonumber(found[i+1]) > tonumber(until_) then break end
  ids[#ids+1], id, at = found[i], found[i], found[i+1]
end
n, sum = n + #ids, sum + bytes(ids)
if #ids == max then
  return { 'more', until_, at, id, tostring(n), string.format('%.0f', sum), string.format('%.0f', base) }
end
if redis.call('ZCOUNT', ages, '-inf', until_) ~= n then return { 'again' } end
sum = sum + count() - base
if redis.call('ZCARD', ages) == 0 then
  empty(group)
else
  index('HSET', P .. 'waitsize', group, string.format('%.0f', sum))
end
return { 'done' }
