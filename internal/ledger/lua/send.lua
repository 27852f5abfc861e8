-- Put one invoice into an open online session, before it is posted. ARGV: home, package, owner,
-- invoice, revision. Returns {new revision, ordinal}. If the package or the invoice is not as
-- expected, returns {0, 'package' or 'invoice', state, revision} of the one that differs. If the
-- invoice was in this session before, returns {0, 'session', state, revision} of the package.
local away = elsewhere()
if away then return away end
local pkg, owner, id, rev = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local p = read('pkg:' .. pkg, 'state', 'owner', 'session', 'rev', 'count', 'size')
local sound = p[3] and whole(p[5]) == p[5] and whole(p[6]) == p[6]
if p[1] ~= 'opened' or p[2] ~= owner or owner == '' or not sound then return { 0, 'package', p[1] or '', p[4] or '' } end
local e = entry(id, 'left_session')
if e[7] and e[7] ~= '' and e[7] == p[3] then return { 0, 'session', p[1], p[4] } end -- see LeftSession in entry.go
if e[1] ~= 'queued' or e[2] ~= rev then
  local packed, at = frozen(id)
  if packed and not e[2] then return { 0, 'invoice', 'receipted', at } end
  return { 0, 'invoice', e[1] or '', e[2] or '' }
end
local n = tonumber(redis.call('ZSCORE', P .. 'pkginv:' .. pkg, id) or 0)
if n == 0 then -- otherwise it was in this session before and did not leave it
  n = redis.call('HINCRBY', P .. 'pkg:' .. pkg, 'count', 1)
  redis.call('HINCRBY', P .. 'pkg:' .. pkg, 'size', e[5])
  redis.call('ZADD', P .. 'pkginv:' .. pkg, n, id)
end
attempt(id)
local r = put(id, e, 'sending', '', { 'package', pkg, 'session', p[3], 'reference', '' })
return { r, n }
