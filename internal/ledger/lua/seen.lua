-- Record that somebody has seen open items, or that nobody has. ARGV: who ('' takes the mark away),
-- then two words for each item. The words are its id and, for a refusal, the tenant in whose list
-- it is. For an invoice the second word is ''. Returns for each item 1, or 0 when it is not open.
local who, out = ARGV[3], {}
for i = 4, #ARGV, 2 do
  local id, name, is_open = ARGV[i], ARGV[i], nil
  if string.sub(id, 1, 4) == 'ref-' then
    name = ARGV[i+1] .. '|' .. id
    is_open = index('ZSCORE', P .. 'refusalsopen:' .. ARGV[i+1], id)
  else
    is_open = open[read('inv:' .. id, 'state')[1]]
  end
  if is_open and who ~= '' then
    redis.call('HSET', P .. 'seen', name, now .. ' ' .. who)
  else
    index('HDEL', P .. 'seen', name)
  end
  out[#out+1] = is_open and 1 or 0
end
return out
