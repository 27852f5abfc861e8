-- Move invoices.
--
-- ARGV, for each invoice:
--   id
--   revision, or '' for any
--   the states that it may come from, separated by commas
--   the new state, or '=' to stay in its state and in its waiting group
--   the package that must hold it, or ''
--   the waiting group to enter, or ''
--   flags
--   number of field words
--   the fields
--
-- Flags:
--   'b' deletes the document.
--   'd' says that the deadline is among the fields.
--   'r' makes the invoice the newest of its identity again, and the one that its ref names. If
--     another invoice has one of these places and has not ended, the invoice is not moved.
--
-- Returns for each moved invoice {new revision} or {new revision, {ids that became superseded}}.
-- For an invoice that was not moved it returns {0, state, revision, package} of the invoice as it
-- is, with '1' behind them when the entry is in a bucket.
local i, out = 3, {}

-- free reports whether the invoice other is gone or has ended, so that another invoice may take its
-- place. If it cannot be read, it may be alive, and the result is false.
local function free(other)
  if redis.call('EXISTS', P .. 'inv:' .. other) == 0 then return redis.pcall('HEXISTS', bucket(other)) == 0 end
  return ended[read('inv:' .. other, 'state')[1]]
end

while i <= #ARGV do
  local id, rev, froms, to, pkg, group, flags, nf =
    ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6], tonumber(ARGV[i+7])
  local e = entry(id)
  local ok = e[1] and (rev == '' or rev == e[2]) and has(froms, e[1]) and (pkg == '' or pkg == e[3])
  if ok and has(flags, 'r') then
    local ident = identity(id)
    local cur, sick
    if ident then cur, sick = newest(ident) end
    local ref = read('inv:' .. id, 'ref_digest')[1]
    local named = ref and redis.pcall('GET', P .. 'ref:' .. ref)
    if sick or type(named) == 'table' then named, ok = nil, false end -- another one may have its place
    if not ident or cur and cur ~= id and not free(cur) then ok = false end
    if named and named ~= id and not free(named) then ok = false end
    if ok then
      redis.call('SET', P .. 'ident:' .. ident, id)
      if ref then redis.call('SET', P .. 'ref:' .. ref, id) end
    end
  end
  if ok then
    local fields = {}
    for k = 1, nf do fields[k] = ARGV[i+7+k] end
    if to == '=' then to, group = e[1], e[4] end
    if has(flags, 'b') then redis.call('UNLINK', P .. 'body:' .. id) end
    if has(flags, 'd') then
      for k = 1, nf, 2 do if fields[k] == 'deadline' then e[6] = fields[k+1] end end
      place(P .. 'due', id, e[6])
    end
    out[#out+1] = { put(id, e, to, group, fields) }
  else
    local value, at = nil, nil
    if not e[1] and not e[2] then value, at = frozen(id) end
    out[#out+1] = value and { 0, 'receipted', at, '', '1' } or { 0, e[1] or '', e[2] or '', e[3] or '' }
  end
  i = i + 8 + nf
end
return out
