-- Set the hold of a tenant. ARGV: tenant, the hold as JSON or '' to end it. Returns {1} when the
-- tenant was held before, else {0}. It is a script of the ledger, because those work at maxmemory.
local key, tenant, hold = P .. 'holds', ARGV[3], ARGV[4]
local was = redis.call('HEXISTS', key, tenant)
if hold == '' then redis.call('HDEL', key, tenant) else redis.call('HSET', key, tenant, hold) end
return { was }
