-- Record what KSeF said when a task about an entry failed. ARGV: key of the entry without the
-- prefix, the text. Revision and indexes stay. Returns {1}, or {0} when there is no such entry.
local key = P .. ARGV[3]
local rev = redis.pcall('HGET', key, 'rev')
if type(rev) ~= 'string' then return { 0 } end
redis.call('HSET', key, 'said', ARGV[4])
return { 1 }
