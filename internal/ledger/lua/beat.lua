-- A worker is alive. ARGV: worker, for how long (ms). Returns {1}.
-- It is a verb because a verb works at maxmemory. A plain SET is refused there, and the whole pool
-- would look dead.
redis.call('SET', P .. 'worker:' .. ARGV[3], now, 'PX', ARGV[4])
return { 1 }
