-- Record an online session that was just opened. ARGV: home, package id, number of field words, the
-- fields.
-- Returns {revision, now}.
local away = elsewhere()
if away then return away end
local pkg, nf = ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', P .. 'pkg:' .. pkg) == 1 then return redis.error_reply('package exists') end
local fields = { 'count', 0, 'size', 0, 'created_at', now, 'opened_at', now, 'rev', 0 }
for k = 1, nf do fields[#fields+1] = ARGV[4+k] end
return { movepkg(pkg, '', 'opened', fields), now }
