-- Record that a process is alive. ARGV: its name, for how long (ms), the newest format that it
-- reads. Returns {1}. It is a verb because a verb works even when Redis is at maxmemory. Redis
-- would then refuse a plain SET, and the whole pool would look dead.
redis.call('SET', P .. 'worker:' .. ARGV[3], now .. ' ' .. ARGV[5], 'PX', ARGV[4])
return { 1 }
