-- Move a package together with a piece of its invoices.
--
-- ARGV:
--   home
--   package
--   revision
--   the life of Redis that the caller is bound to, or ''
--   the states that the package may come from
--   its new state, or '=' to stay
--   the states that its invoices may come from, or '' to leave them alone
--   the new state of the invoices
--   the waiting group that they enter, or ''
--   the place of the piece's first invoice in the package
--   how many places the piece has
--   number of field words of the package
--   fields of the package
--   fields of each invoice
--
-- Returns {new revision, '1' when there are invoices behind the piece, ids of those that moved…}.
-- If the package was not moved, returns {0, state, revision} of the package as it is. When Redis
-- has begun another life, 'over' follows.
--
-- Every piece makes a new revision of the package. So a caller that writes a later revision knows
-- that the earlier pieces are written, even if Redis has forgotten its last writes.
--
-- To move an invoice, the script needs only the state and the package in its entry. It moves the
-- invoice even when this build cannot read the rest. The reason is that the package may be about to
-- be closed, which sends this invoice with the others. If its entry did not get the new state, the
-- invoice could be sent a second time.
local away = elsewhere()
if away then return away end
local pkg, rev, within, froms, to, mfroms, mto, mgroup, first, max, nf = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7],
  ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local p = read('pkg:' .. pkg, 'state', 'rev')
if not p[1] or p[2] ~= rev or not has(froms, p[1]) then return { 0, p[1] or '', p[2] or '' } end
if over(within) then return { 0, p[1], p[2], 'over' } end
if to == '=' then to = p[1] end
local fields = {}
for k = 1, nf do fields[k] = ARGV[13+k] end
if to == 'opened' and p[1] ~= to then fields[#fields+1] = 'life'; fields[#fields+1] = life() end
local out = { movepkg(pkg, p[1], to, fields), 0 }
if mfroms ~= '' then
  for _, id in ipairs(redis.call('ZRANGE', P .. 'pkginv:' .. pkg, first, first + max - 1)) do
    local e = entry(id)
    if e[1] and e[3] == pkg and has(mfroms, e[1]) then
      local f = {}
      for k = 14 + nf, #ARGV do f[#f+1] = ARGV[k] end
      if mto == 'sending' then attempt(id) end
      put(id, e, mto, mgroup, f)
      if mto ~= e[1] then out[#out+1] = id end
    end
  end
  if redis.call('ZCARD', P .. 'pkginv:' .. pkg) > first + max then out[2] = 1 end
end
return out
