-- Try each command that scripts use, on a key that never exists afterwards. ARGV: for each command:
-- its name, number of words behind the key, the words. Returns the names of those that Redis refuses,
-- then the first of its answers to them.
local out, why, i = {}, nil, 3
while i <= #ARGV do
  local args, n = {}, tonumber(ARGV[i+1])
  for k = 1, n do args[k] = ARGV[i+1+k] end
  local answer = redis.pcall(ARGV[i], P .. 'none', unpack(args))
  if type(answer) == 'table' and answer.err then
    out[#out+1] = ARGV[i]
    why = why or answer.err
  end
  redis.call('DEL', P .. 'none')
  i = i + 2 + n
end
if why then out[#out+1] = why end
return out
