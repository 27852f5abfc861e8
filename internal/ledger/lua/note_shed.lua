-- Record what becomes of the documents of ended invoices in the archive store. ARGV: 'going' before
-- they are removed, 'kept' when that failed, 'gone' when they were removed; then ids.
-- Returns for each id 1, or 0 when the invoice still needs its document or its entry cannot be
-- read.
--
-- Between 'going' and 'gone' the entry has the field shedding, so that the document is found again
-- if a process dies in between.
--
-- The entry keeps its place in every index. The time of its last change stays as it is, because
-- retention counts from the end of the invoice. 'going' and 'kept' raise the revision. So a retry
-- that has read the entry before fails.
local shed = { receipted = true, rejected = true, dismissed = true, superseded = true }
local out = {}
for i = 4, #ARGV do
  local id = ARGV[i]
  local e = entry(id)
  if e[1] and shed[e[1]] then
    local key = P .. 'inv:' .. id
    if ARGV[3] == 'going' then
      redis.call('HSET', key, 'body_archived', '0', 'shedding', '1')
      redis.call('HINCRBY', key, 'rev', 1)
    elseif ARGV[3] == 'kept' then
      redis.call('HSET', key, 'body_archived', '1')
      redis.call('HDEL', key, 'shedding')
      redis.call('HINCRBY', key, 'rev', 1)
    else
      if e[1] == 'receipted' then redis.call('HSET', key, 'body_archived', '0') end
      redis.call('HDEL', key, 'shedding')
    end
    out[#out + 1] = 1
  else
    out[#out + 1] = 0
  end
end
return out
