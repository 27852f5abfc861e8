-- Record what KSeF said when a task about an entry failed. ARGV: key of the entry without the
-- prefix, the text. Revision and indexes stay. Returns {1}, or {0} when the entry is missing or
-- receipted.
local key = P .. ARGV[3]
local state = redis.pcall('HGET', key, 'state')
if type(state) ~= 'string' or state == 'receipted' then return { 0 } end
redis.call('HSET', key, 'said', ARGV[4])
return { 1 }
