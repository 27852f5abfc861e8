-- Read what is known of tenants. ARGV, behind the prefix: their names. Returns for each the fields
-- and values of its key. The list is empty when the key is missing or has another type.
local P, get, out = ARGV[1], redis.pcall, {}
for i = 2, #ARGV do
  local fields = get('HGETALL', P .. 'tenant:' .. ARGV[i])
  if fields.err and not string.find(fields.err, 'WRONGTYPE', 1, true) then return fields end
  out[i-1] = fields.err and {} or fields
end
return out
