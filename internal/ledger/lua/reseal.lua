-- Replace sealed texts by the same texts, sealed with another key. ARGV, for each: key of a hash
-- without the prefix, field, the value that was read, the new value. A value that has changed since
-- stays as it is. Revisions stay too: what the entry says has not changed. Returns {how many were
-- replaced}.
local n = 0
for i = 3, #ARGV, 4 do
  local key, field = P .. ARGV[i], ARGV[i+1]
  if redis.call('HGET', key, field) == ARGV[i+2] then
    redis.call('HSET', key, field, ARGV[i+3])
    n = n + 1
  end
end
return { n }
