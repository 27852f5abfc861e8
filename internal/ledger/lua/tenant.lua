-- Record something about a tenant. ARGV: tenant, what, a time (ms), a number, KSeF's words. What is
-- one of: through, accepted, answered (that many invoices with 410), answered for others (those that
-- it issued for other sellers), denied, refused, key (it was refused), said (about its tasks that
-- have no entry), try, untry (gives back the try of that time; the number is when the refusal or
-- try before it was). Returns {1}, or {0} for a try when the last refusal or try is not yet as old
-- as the number says (ms). It is a verb because a verb works at maxmemory.
if ARGV[7] and ARGV[7] ~= '' then index('SADD', P .. 'tenants', ARGV[3]) end
local key, what, at, n, why = P .. 'tenant:' .. ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if what == 'through' then
  -- The same session told of again, or one that was closed before another that went through, shows
  -- nothing about the refusals that came since.
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
