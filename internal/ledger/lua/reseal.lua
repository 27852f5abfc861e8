-- Replace sealed texts by the same texts, sealed with another key. ARGV, for each: key of a hash
-- without the prefix, field, the value that was read, the new value, the new digest of a ref that is
-- among the texts or ''. A value that has changed since
-- stays as it is. Revisions stay too: what the entry says has not changed. Returns {how many were
-- replaced}.
local n = 0
for i = 3, #ARGV, 5 do
  local key, field = P .. ARGV[i], ARGV[i+1]
  if redis.call('HGET', key, field) == ARGV[i+2] then
    redis.call('HSET', key, field, ARGV[i+3])
    n = n + 1
    local was, digest = redis.call('HGET', key, 'ref_digest'), ARGV[i+4]
    if digest ~= '' and was and was ~= digest then
      local id = string.sub(ARGV[i], 5) -- behind inv:
      if index('GET', P .. 'ref:' .. was) == id then
        redis.call('DEL', P .. 'ref:' .. was)
        redis.call('SET', P .. 'ref:' .. digest, id)
      end
      redis.call('HSET', key, 'ref_digest', digest)
    end
  end
end
return { n }
