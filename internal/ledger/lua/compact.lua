-- Pack entries of receipted invoices. ARGV, for each: id, revision, a digest of the fields that were
-- read and that may change without the revision, digest of the shape, text of the shape, digest of
-- the identity, heads of sealed texts, the new digest of its ref or '' to keep it, number of pieces,
-- the pieces of the record. An entry that has changed since it was read stays as it is, and so does
-- one whose shape cannot be written. State, revision and indexes stay. Returns {how many were packed}.
local n, i, known = 0, 3, {}
while i <= #ARGV do
  local id, rev, tag, shape, words, ident, heads, digest, pieces =
    ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], ARGV[i+5], ARGV[i+6], ARGV[i+7], tonumber(ARGV[i+8])
  local key = P .. 'inv:' .. id
  local e = read('inv:' .. id, 'state', 'rev', 'facts', 'reason', 'body_archived', 'shedding', 'owed', 'ref_digest', '0')
  local said = {}
  for k = 3, 9 do said[k-2] = e[k] or '' end
  if e[1] == 'receipted' and e[2] == rev and redis.sha1hex(table.concat(said, '\n')) == tag then
    if known[shape] == nil then
      redis.pcall('HSETNX', P .. 'shapes', shape, words)
      known[shape] = redis.pcall('HGET', P .. 'shapes', shape) == words
    end
    if known[shape] then
      local ref = e[8]
      if ref and digest ~= '' and ref ~= digest then
        if redis.call('GET', P .. 'ref:' .. ref) == id then
          redis.call('DEL', P .. 'ref:' .. ref)
          redis.call('SET', P .. 'ref:' .. digest, id)
        end
        ref = digest
      end
      local f = { 'state', 'receipted', 'rev', rev, 'facts', FINAL, 'i', ident }
      if heads ~= '' then f[#f+1] = 'k'; f[#f+1] = heads end
      if ref then f[#f+1] = 'ref_digest'; f[#f+1] = ref end
      for k = 1, pieces do f[#f+1] = tostring(k - 1); f[#f+1] = ARGV[i+8+k] end
      redis.call('DEL', key)
      redis.call('HSET', key, unpack(f))
      n = n + 1
    end
  end
  i = i + 9 + pieces
end
return { n }
