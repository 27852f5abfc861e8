-- Look into the buckets of receipted invoices. ARGV, for each invoice: id, name of the bucket of its
-- identity, field there, field of its entry in the bucket of that. Returns for each what is there under its identity: the bytes of an id, ''
-- for nothing, '!' when the bucket holds something else; nothing at all when there is nothing of all.
local out, found = {}, false
for i = 3, #ARGV, 4 do
  local is = redis.pcall('HGET', P .. 'idents:' .. ARGV[i+1], ARGV[i+2])
  if type(is) == 'table' then is = '!' end
  if not is and redis.pcall('HEXISTS', P .. 'final:' .. string.sub(ARGV[i], 5, 6), ARGV[i+3]) ~= 0 then is = ARGV[i] end
  found = found or is
  out[#out+1] = is or ''
end
return found and out or {}
