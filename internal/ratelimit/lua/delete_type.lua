-- Deletes a key that holds another type. KEYS: the key. ARGV: its type.
-- Returns the type that it had, or '' when it was not deleted.
local is = redis.call('TYPE', KEYS[1]).ok
if is == 'none' or is == ARGV[1] then return '' end
redis.call('DEL', KEYS[1])
return is
