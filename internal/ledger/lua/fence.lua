-- Write something, so that the caller can see whether the replicas receive it. Returns {1}.
redis.call('SET', P .. 'fence', now, 'PX', 60000)
return { 1 }
