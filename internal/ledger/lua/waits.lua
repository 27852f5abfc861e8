-- Describe waiting sets. ARGV, behind the prefix: 1 if the caller also wants to know since when the
-- newest invoice waits, otherwise ''; names of groups. Returns five values for each group: how many
-- invoices wait, since when the first of them waits, the nearest legal deadline, since when the
-- newest waits, and the bytes that wait. A value is '' if it does not exist or its key is of
-- another type.
local P, get, out, refused = ARGV[1], redis.pcall, {}, nil
local function tell(v)
  if type(v) == 'table' and v.err and not string.find(v.err, 'WRONGTYPE', 1, true) then refused = v end
  if type(v) == 'table' then v = not v.err and v[2] end
  out[#out+1] = v or ''
end
local sizes = get('HMGET', P .. 'waitsize', unpack(ARGV, 3))
for i = 3, #ARGV do
  local set, age = P .. 'wait:' .. ARGV[i], P .. 'waitage:' .. ARGV[i]
  tell(get('ZCARD', set))
  tell(get('ZRANGE', age, 0, 0, 'WITHSCORES'))
  tell(get('ZRANGE', set, 0, 0, 'WITHSCORES'))
  tell(ARGV[2] ~= '' and get('ZRANGE', age, -1, -1, 'WITHSCORES'))
  tell(sizes.err and sizes or sizes[i-2])
end
return refused or out
