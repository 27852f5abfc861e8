-- Forget entries that ended long ago. ARGV: how many of each state at most, for how long they are
-- kept (ms). A package is forgotten when it has been over for that long. Returns {how many were
-- forgotten, id, value, id, value …}. The pairs are old entries in buckets, for forget.lua. An
-- entry that cannot be read stays, and the cursor moves on behind it.
local max, before, gone, out = ARGV[3], tonumber(now) - tonumber(ARGV[4]) - 1, 0, { 0 }
for _, state in ipairs({ 'receipted', 'rejected', 'dismissed', 'superseded' }) do
  for _, id in ipairs(page('st:' .. state, 'prune:st:' .. state, before, max)) do
    local here = redis.call('EXISTS', P .. 'inv:' .. id) == 1
    local value = not here and redis.pcall('HGET', bucket(id))
    local ident = here and identity(id)
    if value then
      if type(value) == 'string' then out[#out+1], out[#out+2] = id, value end
    elseif not here or ident and readable(read('inv:' .. id, 'facts')[1]) then
      if ident then
        unname(ident, id)
        index('SREM', P .. 'more:' .. ident, id)
      end
      if here and state == 'receipted' then index('HDEL', bucket(id)) end -- an older build took it in again
      index('ZREM', P .. 'st:' .. state, id)
      index('ZREM', P .. 'owed', id)
      if state == 'rejected' then index('HDEL', P .. 'seen', id) end
      local ref = read('inv:' .. id, 'ref_digest')[1]
      if ref then unref(ref, id) end
      redis.call('UNLINK', P .. 'inv:' .. id, P .. 'body:' .. id)
      gone = gone + 1
    end
  end
end
for _, state in ipairs({ 'receipted', 'abandoned', 'failed' }) do
  for _, id in ipairs(page('pst:' .. state, 'prune:pst:' .. state, before, max)) do
    local v = tonumber(read('pkg:' .. id, 'v')[1])
    if v and v <= VERSION or redis.call('EXISTS', P .. 'pkg:' .. id) == 0 then
      index('ZREM', P .. 'pst:' .. state, id)
      redis.call('UNLINK', P .. 'pkg:' .. id, P .. 'pkginv:' .. id)
      gone = gone + 1
    end
  end
end
out[1] = gone
return out
