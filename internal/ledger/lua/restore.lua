-- Record that documents which were handed in again are stored. ARGV: pairs of an invoice's id and the
-- seal of its document in the archive store; '' says that the document is in Redis and was not there
-- before. Returns {how many were not there before}.
--
-- An invoice that ended without KSeF keeps its document from now on for as long as from its end, so
-- that a person can retry it. A receipted one needs none: the sweep removes it.
local restored = 0
for i = 3, #ARGV, 2 do
  local id = ARGV[i]
  local e = entry(id, 'body_archived')
  if e[1] and (ARGV[i+1] == '' or e[7] ~= '1') then
    if ARGV[i+1] ~= '' then
      redis.call('HSET', P .. 'inv:' .. id, 'body_archived', '1', 'body_seal', ARGV[i+1])
      redis.call('HDEL', P .. 'inv:' .. id, 'shedding')
    end
    if ended[e[1]] and e[1] ~= 'parked' then
      redis.call('HSET', P .. 'inv:' .. id, 'updated_at', now)
      redis.call('ZADD', P .. 'st:' .. e[1], now, id)
      redis.call('ZADD', P .. 'owed', 'XX', now, id)
    end
    restored = restored + 1
  end
end
return { restored }
