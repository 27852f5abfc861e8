-- Replace sealed texts by the same texts, sealed with another key.
--
-- ARGV, for each text:
--   key of a hash without the prefix
--   field; 'record' stands for the record of a packed entry, which is in pieces
--   the value that was read
--   the new value
--   the new digest of the ref, or '' if no ref is among the texts
--
-- A value that has changed since it was read stays as it is. Revisions stay, because the entry
-- still says the same. Returns {how many texts were replaced}. A change of the field 'k' is not
-- counted, because 'k' is no text: it names the keys that sealed the texts of a record.
local n = 0

-- record returns the record of a packed entry.
local function record(key)
  local out, k = '', 0
  repeat
    local piece = redis.call('HGET', key, k) or ''
    out, k = out .. piece, k + 1
  until #piece < PIECE
  return redis.call('HGET', key, 'facts') == FINAL and out
end

-- replace writes a record in pieces. Old pieces behind its last piece stay, and nobody reads them.
local function replace(key, value)
  for at = 0, #value, PIECE do redis.call('HSET', key, at / PIECE, string.sub(value, at + 1, at + PIECE)) end
end

for i = 3, #ARGV, 5 do
  local key, field = P .. ARGV[i], ARGV[i+1]
  local whole = field == 'record'
  if (whole and record(key) or not whole and redis.call('HGET', key, field)) == ARGV[i+2] then
    if whole then replace(key, ARGV[i+3]) else redis.call('HSET', key, field, ARGV[i+3]) end
    if field ~= 'k' then n = n + 1 end
    local was, digest = redis.call('HGET', key, 'ref_digest'), ARGV[i+4]
    if digest ~= '' and was and was ~= digest then
      local id = string.sub(ARGV[i], 5) -- behind inv:
      if index('GET', P .. 'ref:' .. was) == id then
        redis.call('DEL', P .. 'ref:' .. was)
        redis.call('SET', P .. 'ref:' .. digest, id)
      end
      redis.call('HSET', key, 'ref_digest', digest)
    end
  end
end
return { n }
