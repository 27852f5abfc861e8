-- Forget receipted invoices whose entries are in buckets.
--
-- ARGV, for each invoice:
--   id
--   the value in its bucket as it was read
--   digest of its identity
--   name of the identity's bucket
--   the field there
--   bytes of the id
--   digest of its ref, or ''
--
-- An entry that has changed since it was read stays. Returns {how many were forgotten}.
local n = 0
for i = 3, #ARGV, 7 do
  local id, was, ident, name, field, raw, ref = ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6]
  if frozen(id) == was and redis.call('EXISTS', P .. 'inv:' .. id) == 0 then
    if index('HGET', P .. 'idents:' .. name, field) == raw then index('HDEL', P .. 'idents:' .. name, field) end
    if index('GET', P .. 'ident:' .. ident) == id then redis.call('DEL', P .. 'ident:' .. ident) end
    index('SREM', P .. 'more:' .. ident, id)
    index('ZREM', P .. 'st:receipted', id)
    index('ZREM', P .. 'owed', id)
    if ref ~= '' then unref(ref, id) end
    redis.call('HDEL', bucket(id))
    redis.call('UNLINK', P .. 'body:' .. id)
    n = n + 1
  end
end
return { n }
