-- Read the entries of a list from their buckets. ARGV, for each: id, its field in its bucket. Returns
-- for each the value that is there, or false: the entry has a key of its own, is nowhere, or its bucket
-- holds something else. It is one script, because that many commands take both sides twice the time.
local own, get = {}, redis.pcall
for i = 3, #ARGV, 2 do own[#own+1] = P .. 'inv:' .. ARGV[i] end
local none = redis.call('EXISTS', unpack(own)) == 0
local out = {}
for i = 3, #ARGV, 2 do
  local value = false
  if none or redis.call('EXISTS', P .. 'inv:' .. ARGV[i]) == 0 then
    value = get('HGET', P .. 'final:' .. string.sub(ARGV[i], 5, 6), ARGV[i+1])
    if type(value) ~= 'string' then value = false end
  end
  out[#out+1] = value
end
return out
