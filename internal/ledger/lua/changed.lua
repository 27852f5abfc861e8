-- List invoices of some states in the order of their last change, all states together.
--
-- ARGV: the time and the id of the place behind which the list begins, the maximum number of
-- invoices, '1' to list also the invoices that changed in this millisecond, the states.
--
-- Returns {1 if some are left out because they changed in this millisecond, else 0, {id, time, id,
-- time …}, {the indexes whose keys hold another type}, {state, id, score, state, id, score …}}. The
-- last list has members whose scores are before or after all times. It is filled only when the list
-- of invoices is empty. scores.go says more.
--
-- Because one script reads all states, an invoice that moves from one to another is in the list
-- once. An invoice that changes later has a later time or the same time. With the same time it may
-- stand before the last invoice of the list, and the next call would miss it. So invoices that
-- changed in this millisecond are left out, and are listed from the next millisecond on. With a
-- test's clock nothing is left out.
local at, id, max, all = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1' or test_clock
local BEFORE, AFTER, ODD = '(1', '(4102444800000', 100
local lists, young, unread, odd = {}, 0, {}, {}
for k = 7, #ARGV do
  local key = P .. 'st:' .. ARGV[k]
  local sick = not index('ZCARD', key)
  if sick then unread[#unread+1] = 'st:' .. ARGV[k] end
  local found = {}
  if not sick then
    local start, stop = redis.call('ZCOUNT', key, '-inf', BEFORE), redis.call('ZCARD', key) - redis.call('ZCOUNT', key, AFTER, '+inf')
    if at ~= '0' then start = math.max(start, rank_behind(key, at, id)) end
    if start < stop then found = redis.call('ZRANGE', key, start, math.min(start + max, stop) - 1, 'WITHSCORES') end
  end
  while not all and #found > 0 and tonumber(found[#found]) >= tonumber(now) do
    found[#found], found[#found-1], young = nil, nil, 1
  end
  if #found > 0 then lists[#lists+1] = { found, 1, tonumber(found[2]) } end
end
if #lists == 1 then return { young, lists[1][1], unread, odd } end -- nearly always
if #lists == 0 then
  for k = 7, #ARGV do
    for _, bounds in ipairs({ { '-inf', BEFORE }, { AFTER, '+inf' } }) do
      local some = index('ZRANGEBYSCORE', P .. 'st:' .. ARGV[k], bounds[1], bounds[2], 'WITHSCORES', 'LIMIT', 0, ODD) or {}
      for i = 1, #some, 2 do odd[#odd+1], odd[#odd+2], odd[#odd+3] = ARGV[k], some[i], some[i+1] end
    end
  end
end
local out = {}
while #lists > 0 and #out < 2 * max do
  local next = 1
  for k = 2, #lists do
    local a, b = lists[k], lists[next]
    if a[3] < b[3] or a[3] == b[3] and a[1][a[2]] < b[1][b[2]] then next = k end
  end
  local list = lists[next]
  local i = list[2]
  out[#out+1], out[#out+2] = list[1][i], list[1][i+1]
  list[2], list[3] = i + 2, tonumber(list[1][i+3])
  if not list[3] then table.remove(lists, next) end
end
return { young, out, unread, odd }
