-- Put entries back into indexes and waiting sets that have lost them. ARGV: 'inv:', 'pkg:' or
-- 'final:', then for each entry: id, revision, time of its last change, and digest of the identity
-- of an invoice, otherwise ''. If the revision of an entry is not the given one any more, the entry
-- is passed over, because the change has put it into the index of its state and into its waiting
-- set. Only the index of deadlines is checked for such an entry too, because not every change
-- writes that index. If the key of an identity or of a ref is lost, it is written again. The key
-- then names the invoice that is alive or accepted, or if there is none, one that has ended.
-- Returns {how many places were missing}.
local kind, n = ARGV[3], 0
local function add(...) if index('ZADD', ...) == 1 then n = n + 1 end end

-- name_again makes a key name an invoice if the key names none. It also does so if this invoice is
-- still alive and the one that the key names has ended.
local function name_again(key, id, state, held, sick)
  if sick or held == id then return end
  if held and (ended[state] or not ended[read('inv:' .. held, 'state')[1]]) then return end
  redis.call('SET', key, id)
  n = n + 1
end
for i = 4, #ARGV, 4 do
  local id, rev, at, ident = ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3]
  if kind == 'pkg:' then
    local p = read('pkg:' .. id, 'state', 'rev')
    if p[1] and p[2] == rev then add(P .. 'pst:' .. p[1], 'NX', at, id) end
  elseif kind == 'final:' then
    local value, held = frozen(id)
    if value and held == rev and redis.call('EXISTS', P .. 'inv:' .. id) == 0 then
      add(P .. 'st:receipted', 'NX', at, id)
      local name, field = ident_bucket(ident)
      local ref = select(3, frozen(id))
      local named = ref ~= '' and redis.pcall('GET', P .. 'ref:' .. ref)
      if ref ~= '' then name_again(P .. 'ref:' .. ref, id, 'receipted', named, type(named) == 'table') end
      if not newest(ident) and index('HSET', P .. 'idents:' .. name, field, unbase32(string.sub(id, 5))) then n = n + 1 end
    end
  else
    local e = entry(id, 'owed', 'ref_digest')
    if e[1] and not decided[e[1]] then add(P .. 'due', 'NX', e[6], id) end
    if e[1] and e[2] == rev then
      if ident ~= '' then name_again(P .. 'ident:' .. ident, id, e[1], newest(ident)) end
      local ref = e[8]
      local named = ref and redis.pcall('GET', P .. 'ref:' .. ref)
      if ref then name_again(P .. 'ref:' .. ref, id, e[1], named, type(named) == 'table') end
      add(P .. 'st:' .. e[1], 'NX', at, id)
      if e[7] == '1' then add(P .. 'owed', 'NX', at, id) end
      if e[1] == 'queued' and e[4] ~= '' and not e.damaged and index('ZCARD', P .. 'wait:' .. e[4]) and
        index('ZCARD', P .. 'waitage:' .. e[4]) then wait(id, e[4], e[6], e[5], at) end
    end
  end
end
return { n }
