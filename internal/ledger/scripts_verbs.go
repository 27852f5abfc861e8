package ledger

import (
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts.lua
var prelude string

func verb(body string) *redis.Script {
	return redis.NewScript(fmt.Sprintf("local VERSION = %d\n", Version) + prelude + body)
}

// moveScript moves invoices: per invoice id, revision or "", comma list of states it may come from, new state or "=" to
// stay (in its waiting group, too), package it must be in or "", waiting group to enter or "", flags, count of field words, the fields.
// Flags: "b" deletes the body, "r" makes it the newest of its identity again if that one has ended, "d" says that the
// deadline is among the fields.
// It answers, per invoice, {new revision} or {0, actual state, actual revision, actual package}.
var moveScript = verb(`
local i, out = 3, {}
while i <= #ARGV do
  local id, rev, froms, to, pkg, group, flags, nf =
    ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6], tonumber(ARGV[i+7])
  local e = entry(id)
  local ok = e[1] and (rev == '' or rev == e[2]) and has(froms, e[1]) and (pkg == '' or pkg == e[3])
  if ok and has(flags, 'r') then
    local ident = identity(id)
    local cur = ident and redis.call('GET', P .. 'ident:' .. ident)
    if not ident then
      ok = false
    elseif cur and cur ~= id then -- gone, or known to have ended: what cannot be read may be alive
      local s = redis.call('EXISTS', P .. 'inv:' .. cur) == 0 or ended[read('inv:' .. cur, 'state')[1]]
      if not s then ok = false end
    end
    if ok then redis.call('SET', P .. 'ident:' .. ident, id) end
  end
  if ok then
    local fields = {}
    for k = 1, nf do fields[k] = ARGV[i+7+k] end
    if to == '=' then to, group = e[1], e[4] end
    if has(flags, 'b') then redis.call('UNLINK', P .. 'body:' .. id) end
    if has(flags, 'd') then
      for k = 1, nf, 2 do if fields[k] == 'deadline' then e[6] = fields[k+1] end end
      redis.call('ZADD', P .. 'due', e[6], id)
    end
    out[#out+1] = { put(id, e[1], to, e[4], e[5], e[6], group, fields) }
  else
    out[#out+1] = { 0, e[1] or '', e[2] or '', e[3] or '' }
  end
  i = i + 8 + nf
end
return out`)

// cutScript makes a package of a waiting group's most urgent invoices: group, package id, most invoices, most bytes,
// only those with a deadline up to this or "", count of field words, the fields. P_2 is unique in a package, because the
// answers are matched by it; a second invoice of that number waits for the next. It answers the ids.
//
// An entry that cannot be read is taken out of the set and not touched itself: there it would be
// counted, and cut for, every second. Once it can be read, the sweep finds that it says it waits
// and does not (see [Ledger.Loose]), and puts it back.
var cutScript = verb(`
local group, pkg, most, bytes, nf = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('EXISTS', P .. 'pkg:' .. pkg) == 1 then return redis.error_reply('package exists') end
local ids = redis.call('ZRANGE', P .. 'wait:' .. group, 0, most * 2 - 1)
local taken, numbers, size, first = {}, {}, 0, nil
for _, id in ipairs(ids) do
  if #taken >= most then break end
  local e = entry(id, 'number', 'facts')
  local number = e[7]
  if e[1] ~= 'queued' or e[4] ~= group or not number or e.damaged or not readable(e[8]) then
    -- An entry that is gone or was moved by hand must not block the group for ever.
    redis.call('ZREM', P .. 'wait:' .. group, id)
    if redis.call('ZREM', P .. 'waitage:' .. group, id) == 1 then
      redis.call('HINCRBY', P .. 'waitsize', group, 0 - tonumber(e[5]))
    end
  elseif not numbers[number] then
    if #taken > 0 and size + tonumber(e[5]) > bytes then break end
    size = size + tonumber(e[5])
    numbers[number] = true
    first = first or e[6]
    taken[#taken+1] = id
    put(id, 'queued', 'packed', group, e[5], e[6], '', { 'package', pkg, 'session', '' })
    redis.call('ZADD', P .. 'pkginv:' .. pkg, #taken, id)
  end
end
if redis.call('EXISTS', P .. 'wait:' .. group) == 0 then
  redis.call('SREM', P .. 'groups', group)
  redis.call('HDEL', P .. 'waitsize', group)
end
if #taken == 0 then return taken end
local fields = {}
for k = 1, nf do fields[k] = ARGV[7+k] end
for _, w in ipairs({ 'count', #taken, 'size', size, 'deadline', first, 'created_at', now, 'rev', 0 }) do fields[#fields+1] = w end
movepkg(pkg, '', 'cut', fields)
return taken`)

// openScript records an online session that was just opened: package id, count of field words, the
// fields. It answers {revision, now}.
var openScript = verb(`
local pkg, nf = ARGV[3], tonumber(ARGV[4])
if redis.call('EXISTS', P .. 'pkg:' .. pkg) == 1 then return redis.error_reply('package exists') end
local fields = { 'count', 0, 'size', 0, 'created_at', now, 'opened_at', now, 'rev', 0 }
for k = 1, nf do fields[#fields+1] = ARGV[4+k] end
return { movepkg(pkg, '', 'opened', fields), now }`)

// sendScript puts one invoice into an open online session, before it is posted: package, owner, invoice, revision.
// It answers {new revision, ordinal}, or {0, what, state, revision}.
var sendScript = verb(`
local pkg, owner, id, rev = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local p = read('pkg:' .. pkg, 'state', 'owner', 'session', 'rev', 'count', 'size')
local sound = p[3] and whole(p[5]) == p[5] and whole(p[6]) == p[6]
if p[1] ~= 'opened' or p[2] ~= owner or owner == '' or not sound then return { 0, 'package', p[1] or '', p[4] or '' } end
local e = entry(id)
if e[1] ~= 'queued' or e[2] ~= rev then return { 0, 'invoice', e[1] or '', e[2] or '' } end
local n = tonumber(redis.call('ZSCORE', P .. 'pkginv:' .. pkg, id) or 0)
if n == 0 then -- else it was in this session before, and did not leave
  n = redis.call('HINCRBY', P .. 'pkg:' .. pkg, 'count', 1)
  redis.call('HINCRBY', P .. 'pkg:' .. pkg, 'size', e[5])
  redis.call('ZADD', P .. 'pkginv:' .. pkg, n, id)
end
attempt(id)
local r = put(id, 'queued', 'sending', e[4], e[5], e[6], '', { 'package', pkg, 'session', p[3], 'reference', '' })
return { r, n }`)

// packageScript moves a package and, with it, its invoices: package, revision, states it may come from, new state or "=",
// states its invoices may come from or "", their new state, the waiting group they enter or "", count of field words, fields
// of the package, then pairs for the invoices. It answers {new revision, invoices moved}, or {0, actual state, actual revision}.
//
// An invoice goes by what its entry says of state and package, also when this build cannot read the
// rest: that its package is about to be closed is true of it as of the others, and a fence that is
// missing for one would let it be sent twice.
var packageScript = verb(`
local pkg, rev, froms, to, mfroms, mto, mgroup, nf =
  ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10])
local p = read('pkg:' .. pkg, 'state', 'rev')
if not p[1] or p[2] ~= rev or not has(froms, p[1]) then return { 0, p[1] or '', p[2] or '' } end
if to == '=' then to = p[1] end
local fields = {}
for k = 1, nf do fields[k] = ARGV[10+k] end
if to == 'opened' and p[1] ~= to then fields[#fields+1] = 'life'; fields[#fields+1] = life() end
local r, moved = movepkg(pkg, p[1], to, fields), 0
if mfroms ~= '' then
  for _, id in ipairs(redis.call('ZRANGE', P .. 'pkginv:' .. pkg, 0, -1)) do
    local e = entry(id)
    if e[1] and e[3] == pkg and has(mfroms, e[1]) then
      local f = {}
      for k = 11 + nf, #ARGV do f[#f+1] = ARGV[k] end
      if mto == 'sending' then attempt(id) end
      put(id, e[1], mto, e[4], e[5], e[6], mgroup, f)
      moved = moved + 1
    end
  end
end
return { r, moved }`)

// repackScript ends a package and puts invoices of it into others, in one step, so that no invoice is ever in none
// or in two: package, revision, states it may come from, its last state, states the invoices may come from, reason,
// then per other package: id, refusals, "1" when it is there already, probe, rest, not before (ms), count of ids, the ids. It answers
// {new revision} or {0, state, revision}; the latter also when a package that is to be there is not cut.
var repackScript = verb(`
local pkg, rev, froms, to, mfroms, reason = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local p = read('pkg:' .. pkg, 'state', 'rev', 'tenant', 'form', 'offline', 'v')
if not p[1] or p[2] ~= rev or not has(froms, p[1]) then return { 0, p[1] or '', p[2] or '' } end
local i = 9
while i <= #ARGV do -- before anything is written: an error undoes nothing
  local there = read('pkg:' .. ARGV[i], 'state', 'tenant', 'form', 'offline')
  if ARGV[i+2] == '1' then
    if there[1] ~= 'cut' or there[2] ~= p[3] or there[3] ~= p[4] or there[4] ~= p[5] then return { 0, p[1], p[2] } end
  elseif redis.call('EXISTS', P .. 'pkg:' .. ARGV[i]) == 1 then
    return redis.error_reply('package exists')
  end
  i = i + 7 + tonumber(ARGV[i+6])
end
i = 9
while i <= #ARGV do
  local new, refusals, into, probe, rest, notbefore, n = ARGV[i], ARGV[i+1], ARGV[i+2] == '1', ARGV[i+3], ARGV[i+4], ARGV[i+5], tonumber(ARGV[i+6])
  local count, size, first, last = 0, 0, nil, 0
  if into then
    local there = read('pkg:' .. new, 'count', 'size', 'deadline')
    count, size, first = tonumber(whole(there[1])), tonumber(whole(there[2])), whole(there[3])
    local final = redis.call('ZREVRANGE', P .. 'pkginv:' .. new, 0, 0, 'WITHSCORES')
    last = tonumber(final[2] or 0)
  end
  local moved = 0
  for k = 1, n do
    local id = ARGV[i+6+k]
    local e = entry(id)
    if e[1] and e[3] == pkg and has(mfroms, e[1]) then
      moved = moved + 1
      size = size + tonumber(e[5])
      if not first or tonumber(e[6]) < tonumber(first) then first = e[6] end
      put(id, e[1], 'packed', e[4], e[5], e[6], '', { 'package', new, 'session', '' })
      redis.call('ZADD', P .. 'pkginv:' .. new, last + moved, id)
    end
  end
  if moved > 0 and into then
    movepkg(new, 'cut', 'cut', { 'refusals', refusals, 'probe', probe, 'rest', rest, 'not_before', notbefore, 'count', count + moved, 'size', size, 'deadline', first, 'reason', reason })
  elseif moved > 0 then
    movepkg(new, '', 'cut', { 'v', p[6] or VERSION, 'id', new, 'rev', 0, 'lane', 'bulk', 'tenant', p[3] or '', 'form', p[4] or '', 'offline', p[5] or '0',
      'refusals', refusals, 'parent', pkg, 'probe', probe, 'rest', rest, 'not_before', notbefore, 'count', moved, 'size', size, 'deadline', first, 'created_at', now })
  end
  i = i + 7 + n
end
return { movepkg(pkg, p[1], to, { 'reason', reason }) }`)
