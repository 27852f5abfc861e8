-- Move entries out of their buckets, each into a key of its own. ARGV, for each: id, the value in
-- its bucket as it was read, number of field words, the fields. An entry that has changed since, or
-- that has a key of its own, stays as it is. The identities stay in their buckets. Returns
-- {how many entries were moved}.
local n, i = 0, 3
while i <= #ARGV do
  local id, was, nf = ARGV[i], ARGV[i+1], tonumber(ARGV[i+2])
  if redis.call('EXISTS', P .. 'inv:' .. id) == 0 and frozen(id) == was then
    local f = {}
    for k = 1, nf do f[k] = ARGV[i+2+k] end
    redis.call('HSET', P .. 'inv:' .. id, unpack(f))
    redis.call('HDEL', bucket(id))
    n = n + 1
  end
  i = i + 3 + nf
end
return { n }
