-- Check whether the user of Redis may use the commands that scripts use.
--
-- ARGV, for each command:
--   name of the command
--   '' to use a key that does not exist, or '1' to use the key of the home
--   number of words behind the key
--   the words
--
-- Nothing is written. On a key that does not exist, the words make each command fail or do nothing.
-- On the key of the home a command fails, because that key has another type than the command needs.
-- Returns the names of the commands that Redis refuses, then the first error with which it refused
-- one.
local out, why, i = {}, nil, 3
local home = redis.call('TYPE', P .. 'home').ok == 'string'
while i <= #ARGV do
  local args, n = {}, tonumber(ARGV[i+2])
  for k = 1, n do args[k] = ARGV[i+2+k] end
  local answer = false
  if ARGV[i+1] == '' then
    answer = redis.pcall(ARGV[i], P .. 'none', unpack(args))
  elseif home then
    answer = redis.pcall(ARGV[i], P .. 'home', unpack(args))
  end
  local err = type(answer) == 'table' and answer.err
  if err and (string.find(err, 'NOPERM') or string.find(err, 'ACL failure') or string.find(err, 'user executing')) then
    out[#out+1] = ARGV[i]
    why = why or err
  end
  i = i + 3 + n
end
if why then out[#out+1] = why end
return out
