-- Look up identities in their buckets. ARGV, for each: the whole key of the bucket, the field
-- there.
--
-- Returns for each the bytes of the id that is there, '' if there is none, or '!' when the bucket
-- holds another type. Returns an empty list when the answer would be '' for each of them.
local out, found, get = {}, false, redis.pcall
for i = 3, #ARGV, 2 do
  local is = get('HGET', ARGV[i], ARGV[i+1])
  if is then
    found = true
    if type(is) == 'table' then is = '!' end
  end
  out[#out+1] = is or ''
end
return found and out or {}
