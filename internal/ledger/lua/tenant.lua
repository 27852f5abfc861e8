-- Record something about a tenant. ARGV: tenant, what, a time (ms), a number, KSeF's words. What is
-- one of:
--   through: KSeF processed a batch session, which was closed at the time
--   accepted: KSeF accepts the tenant
--   answered: the number is how many invoices KSeF answered with 410
--   answered for others: the same for invoices that the tenant issued for other sellers
--   denied: KSeF accepted nothing of a session, and the tenant rests until the time
--   refused: KSeF refused a batch session as a whole
--   key: KSeF refused the key
--   said: KSeF's words about a task of the tenant that has no entry
--   try: a session is tried although KSeF refuses them; the number is the pause between tries (ms)
--   untry: takes back the try of that time; the number is the time of the refusal or try before
--
-- Returns {1}. For a try it returns {0}, and records nothing, when the last refusal or try is more
-- recent than the pause. It is a script because scripts work at maxmemory; see entries.lua.
if ARGV[7] and ARGV[7] ~= '' then index('SADD', P .. 'tenants', ARGV[3]) end
local key, what, at, n, why = P .. 'tenant:' .. ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if what == 'through' then
  -- If this session, or one that was closed later, is on record already, then the refusals on
  -- record may have come after it. So the call changes nothing.
  if tonumber(whole(redis.call('HGET', key, 'through_at'))) < tonumber(at) then
    redis.call('HDEL', key, 'refusals', 'refused_at', 'refused_why')
    redis.call('HSET', key, 'through_at', at)
  end
elseif what == 'accepted' then
  redis.call('HDEL', key, 'denials', 'denied_till', 'denied', 'denied_for_others')
  redis.call('HSET', key, 'accepted_at', at)
elseif what == 'answered' then
  redis.call('HINCRBY', key, 'denied', n)
elseif what == 'answered for others' then
  redis.call('HINCRBY', key, 'denied_for_others', n)
elseif what == 'refused' then
  redis.call('HINCRBY', key, 'refusals', 1)
  redis.call('HSET', key, 'refused_at', at, 'refused_why', why)
elseif what == 'key' then
  redis.call('HSET', key, 'key_refused', why)
elseif what == 'said' then
  redis.call('HSET', key, 'said', why)
elseif what == 'untry' then
  if redis.call('HGET', key, 'refused_at') == at then redis.call('HSET', key, 'refused_at', n) end
elseif what == 'try' then
  if tonumber(at) - tonumber(whole(redis.call('HGET', key, 'refused_at'))) < tonumber(n) then return { 0 } end
  redis.call('HSET', key, 'refused_at', at)
else
  redis.call('HINCRBY', key, 'denials', 1)
  redis.call('HSET', key, 'denied_till', at)
end
return { 1 }
