-- Write something, to see whether the replicas follow. Returns {1}.
redis.call('SET', P .. 'fence', now, 'PX', 60000)
return { 1 }
