-- Deletes a key that holds another type than it should. KEYS: the key. ARGV: the type that it
-- should hold. Returns the type that it held, or '' when it was not deleted.
local is = redis.call('TYPE', KEYS[1]).ok
if is == 'none' or is == ARGV[1] then return '' end
redis.call('DEL', KEYS[1])
return is
