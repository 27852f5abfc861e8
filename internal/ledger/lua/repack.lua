-- Put invoices of a package into other packages, so that each invoice is always in exactly one
-- package. The last step also ends the package, or leaves it with the invoices that stay.
--
-- ARGV:
--   package
--   revision
--   the life of Redis that the caller is bound to, or ''
--   the states that the package may come from
--   its last state, or '=' when more steps follow
--   the states that the invoices may come from
--   reason
-- ARGV, then for each other package:
--   id
--   refusals
--   '1' when it exists already, '+' when an earlier step may have made it, otherwise '0'
--   its reason
--   probe
--   rest
--   not before (ms)
--   number of ids
--   the ids
--
-- Returns {new revision, {ids that went into the first of the other packages}, …}. When nothing was
-- written, it returns {0, state, revision} of the package as it is, with 'over' behind them when
-- Redis has begun another life. It also returns {0, state, revision} when one of the other packages
-- exists but cannot be used, because it is in another state than cut, or differs in tenant, form or
-- offline.
local pkg, rev, within, froms, to, mfroms, reason = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local p = read('pkg:' .. pkg, 'state', 'rev', 'tenant', 'form', 'offline', 'v')
if not p[1] or p[2] ~= rev or not has(froms, p[1]) then return { 0, p[1] or '', p[2] or '' } end
if over(within) then return { 0, p[1], p[2], 'over' } end
local i = 10
while i <= #ARGV do -- checked before the first write, because an error does not undo writes
  local there = read('pkg:' .. ARGV[i], 'state', 'tenant', 'form', 'offline')
  if ARGV[i+2] == '1' or ARGV[i+2] == '+' and there[1] then
    if there[1] ~= 'cut' or there[2] ~= p[3] or there[3] ~= p[4] or there[4] ~= p[5] then return { 0, p[1], p[2] } end
  elseif redis.call('EXISTS', P .. 'pkg:' .. ARGV[i]) == 1 then
    return redis.error_reply('package exists')
  end
  i = i + 8 + tonumber(ARGV[i+7])
end
local left, bytes, out = 0, 0, { 0 }
i = 10
while i <= #ARGV do
  local new, refusals, into, why, probe, rest, notbefore, n =
    ARGV[i], ARGV[i+1], ARGV[i+2] ~= '0', ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6], tonumber(ARGV[i+7])
  local count, size, first, last = 0, 0, nil, 0
  into = into and redis.call('EXISTS', P .. 'pkg:' .. new) == 1
  if into then
    local there = read('pkg:' .. new, 'count', 'size', 'deadline')
    count, size, first = tonumber(whole(there[1])), tonumber(whole(there[2])), whole(there[3])
    local final = redis.call('ZREVRANGE', P .. 'pkginv:' .. new, 0, 0, 'WITHSCORES')
    last = tonumber(final[2] or 0)
  end
  local moved, ids = 0, {}
  for k = 1, n do
    local id = ARGV[i+7+k]
    local e = entry(id)
    if e[1] and e[3] == pkg and has(mfroms, e[1]) then
      moved = moved + 1
      left, bytes = left + 1, bytes + tonumber(e[5])
      size = size + tonumber(e[5])
      if not first or tonumber(e[6]) < tonumber(first) then first = e[6] end
      put(id, e, 'packed', '', { 'package', new, 'session', '' })
      redis.call('ZADD', P .. 'pkginv:' .. new, last + moved, id)
      ids[moved] = id
    end
  end
  if moved > 0 and into then
    movepkg(new, 'cut', 'cut', { 'refusals', refusals, 'probe', probe, 'rest', rest, 'not_before', notbefore,
      'count', count + moved, 'size', size, 'deadline', first, 'reason', why })
  elseif moved > 0 then
    movepkg(new, '', 'cut', { 'v', p[6] or VERSION, 'id', new, 'rev', 0, 'lane', 'bulk',
      'tenant', p[3] or '', 'form', p[4] or '', 'offline', p[5] or '0', 'refusals', refusals,
      'parent', pkg, 'probe', probe, 'rest', rest, 'not_before', notbefore,
      'count', moved, 'size', size, 'deadline', first, 'created_at', now })
  end
  out[#out+1] = ids
  i = i + 8 + n
end
if to == '=' then
  out[1] = movepkg(pkg, p[1], p[1], {})
  return out
end
local fields = { 'reason', reason }
if to == p[1] and left > 0 then -- the package goes on with the invoices that are left
  local held = read('pkg:' .. pkg, 'count', 'size')
  fields = { 'reason', reason, 'count', tonumber(whole(held[1])) - left, 'size', tonumber(whole(held[2])) - bytes }
end
out[1] = movepkg(pkg, p[1], to, fields)
return out
