-- A worker says up to which form it reads entries and documents. ARGV: its name among asynq's servers,
-- the form, for how long that counts (ms). Returns {1}. It is a verb because a verb works at maxmemory.
index('HSET', P .. 'reads', ARGV[3], ARGV[4] .. ' ' .. string.format('%.0f', tonumber(now) + tonumber(ARGV[5])))
return { 1 }
