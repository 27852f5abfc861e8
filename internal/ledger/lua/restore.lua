-- Record that documents which were handed in again are stored. ARGV: pairs of an invoice's id and
-- the seal of its document in the archive store. Instead of a seal, '' says that the document is
-- now in Redis and was missing before. '=' says that it was there before. Returns {how many were
-- not there before}.
--
-- If an invoice has ended without KSeF, the time for which its document is kept begins again, so
-- that a person can retry the invoice. A receipted invoice does not need its document, and the
-- sweep removes it. If the document of a rejected or dismissed invoice was still there, the time of
-- its end is moved only when the end is more than an hour ago. An invoice that ended within the
-- last hour has enough time as it is.
local restored = 0
local function again(id, state)
  redis.call('HSET', P .. 'inv:' .. id, 'updated_at', now)
  index('ZADD', P .. 'st:' .. state, now, id)
  index('ZADD', P .. 'owed', 'XX', now, id)
end
for i = 3, #ARGV, 2 do
  local id, seal = ARGV[i], ARGV[i+1]
  local e = entry(id, 'body_archived', 'updated_at')
  if e[1] and (seal == '' or seal ~= '=' and e[7] ~= '1') then
    if seal ~= '' then
      redis.call('HSET', P .. 'inv:' .. id, 'body_archived', '1', 'body_seal', seal)
      redis.call('HDEL', P .. 'inv:' .. id, 'shedding')
    end
    if ended[e[1]] and e[1] ~= 'parked' then again(id, e[1]) end
    restored = restored + 1
  elseif (e[1] == 'rejected' or e[1] == 'dismissed') and tonumber(whole(e[8])) < tonumber(now) - 3600000 then
    again(id, e[1])
  end
end
return { restored }
