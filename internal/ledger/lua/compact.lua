-- Pack entries of receipted invoices, and put them into buckets.
--
-- ARGV, for each:
--   id
--   revision
--   digest of the fields that were read and that may change without the revision
--   the value in its bucket as it was read, '' if the entry has a key of its own
--   digest of the shape
--   text of the shape
--   digest of the identity
--   name of the identity's bucket
--   the field there
--   bytes of the id
--   digest of its ref as it was read
--   the new digest of its ref, or ''
--   the new value
--
-- An entry stays as it is if it has changed since it was read, or if its shape or bucket cannot be
-- written. An entry enters a bucket only when its invoice is the newest of its identity and every
-- process of the pool looks into buckets. For an entry that is already in a bucket, these two
-- conditions do not count, and it is written again. State, revision and indexes stay. Returns {how
-- many were packed}.
local n, known = 0, {}

local read_home, home = pcall(cjson.decode, redis.pcall('GET', P .. 'home') or '')
local everybody = read_home and type(home) == 'table' and not home.purging and (tonumber(home.writes) or 1) >= BUCKETS

-- own reports whether an invoice is the newest of its identity.
local function own(id, ident, name, field, raw)
  local at = redis.pcall('GET', P .. 'ident:' .. ident)
  if at then return at == id end
  return redis.pcall('HGET', P .. 'idents:' .. name, field) == raw
end

for i = 3, #ARGV, 13 do
  local id, rev, tag, was, shape, words, ident, name, field, raw, ref, newref, value = ARGV[i], ARGV[i+1], ARGV[i+2],
    ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6], ARGV[i+7], ARGV[i+8], ARGV[i+9], ARGV[i+10], ARGV[i+11], ARGV[i+12]
  local same
  if was ~= '' then
    same = frozen(id) == was and redis.call('EXISTS', P .. 'inv:' .. id) == 0
  else
    local e = read('inv:' .. id, 'state', 'rev', 'facts', 'reason', 'body_archived', 'shedding', 'owed', 'ref_digest', '0')
    local said = {}
    for k = 3, 9 do said[k-2] = e[k] or '' end
    same = everybody and e[1] == 'receipted' and e[2] == rev and redis.sha1hex(table.concat(said, '\n')) == tag and
      own(id, ident, name, field, raw)
  end
  if same and known[shape] == nil then
    redis.pcall('HSETNX', P .. 'shapes', shape, words)
    known[shape] = redis.pcall('HGET', P .. 'shapes', shape) == words
  end
  local key, rest = bucket(id)
  if same and known[shape] and index('HSET', key, rest, value) then
    if index('HSET', P .. 'idents:' .. name, field, raw) and index('GET', P .. 'ident:' .. ident) == id then
      redis.call('DEL', P .. 'ident:' .. ident)
    end
    redis.call('DEL', P .. 'inv:' .. id)
    if newref ~= '' and ref ~= newref and index('GET', P .. 'ref:' .. ref) == id then
      redis.call('DEL', P .. 'ref:' .. ref)
      redis.call('SET', P .. 'ref:' .. newref, id)
    end
    n = n + 1
  end
end
return { n }
