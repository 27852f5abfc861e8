-- Record that results are in the archive. ARGV: pairs of an invoice's id and the revision whose
-- result the archive has. The result of an invoice that has changed since stays pending. Returns
-- {how many were pending}.
local kept = 0
for i = 3, #ARGV, 2 do
  if redis.call('HGET', P .. 'inv:' .. ARGV[i], 'rev') == ARGV[i+1] then
    redis.call('HDEL', P .. 'inv:' .. ARGV[i], 'owed')
    kept = kept + (index('ZREM', P .. 'owed', ARGV[i]) or 0)
  end
end
return { kept }
