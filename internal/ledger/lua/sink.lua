-- Record how far a sink has got.
--
-- ARGV:
--   sink
--   token of the process that serves it, or '' for a person
--   how many failures are kept
--   the time (ms) before which failures are deleted
--   number of field words
--   fields of the sink's state
--
-- Then operations of four words each follow, with '' where there is nothing:
--   'hold', id, next attempt (ms) or '', record
--   'drop', id
--   'fail', name, '', record
--   'forget', name
--   'later', id, next attempt (ms)
--   'stand', tenant, '', record
--   'leave', tenant
--   'all due'
--   'list held', id, for a held outcome that is missing from the list of due outcomes
--   'list failed', name, for an outcome that was given up and is missing from the list of those
--
-- If a key of the sink is of another type, it writes nothing and returns an error, because a script
-- that fails in the middle would lose outcomes. The set of all sinks may be of another type: it is
-- shared, so the script goes on without it.
--
-- Returns {1, how many failures were deleted because there were too many}. When another process
-- serves the sink, it writes nothing and returns {0}.
--
-- It works even at maxmemory (entries.lua). Otherwise Redis could not store the sink's position,
-- and the sink would get the same results again and again.
local sink, token, max, before, nf = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
if token ~= '' and redis.call('GET', P .. 'sinklease:' .. sink) ~= token then return { 0 } end
for key, kind in pairs({ sink = 'hash', sinkheld = 'hash', sinkdue = 'zset', sinkstanding = 'hash', sinkfailed = 'hash', sinkgaveup = 'zset' }) do
  local is = redis.call('TYPE', P .. key .. ':' .. sink).ok
  if is ~= 'none' and is ~= kind then return redis.error_reply('WRONGTYPE ' .. key .. ':' .. sink) end
end
local fields = {}
for k = 1, nf do fields[k] = ARGV[7+k] end
if nf > 0 then
  redis.call('HSET', P .. 'sink:' .. sink, unpack(fields))
  index('SADD', P .. 'sinks', sink)
end
for i = 8 + nf, #ARGV, 4 do
  local op, name, at, record = ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3]
  if op == 'hold' then
    redis.call('HSET', P .. 'sinkheld:' .. sink, name, record)
    if at == '' then -- the time of its next attempt stays
      redis.call('ZADD', P .. 'sinkdue:' .. sink, 'NX', now, name)
    else
      redis.call('ZADD', P .. 'sinkdue:' .. sink, at, name)
    end
  elseif op == 'later' then
    redis.call('ZADD', P .. 'sinkdue:' .. sink, 'XX', at, name)
  elseif op == 'list held' then
    if redis.call('HEXISTS', P .. 'sinkheld:' .. sink, name) == 1 then redis.call('ZADD', P .. 'sinkdue:' .. sink, 'NX', now, name) end
  elseif op == 'list failed' then
    if redis.call('HEXISTS', P .. 'sinkfailed:' .. sink, name) == 1 then redis.call('ZADD', P .. 'sinkgaveup:' .. sink, 'NX', now, name) end
  elseif op == 'all due' then
    local key = P .. 'sinkdue:' .. sink
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf')) do redis.call('ZADD', key, now, id) end
  elseif op == 'stand' then
    redis.call('HSET', P .. 'sinkstanding:' .. sink, name, record)
  elseif op == 'leave' then
    redis.call('HDEL', P .. 'sinkstanding:' .. sink, name)
  elseif op == 'drop' then
    redis.call('HDEL', P .. 'sinkheld:' .. sink, name)
    redis.call('ZREM', P .. 'sinkdue:' .. sink, name)
  elseif op == 'fail' then
    redis.call('HSET', P .. 'sinkfailed:' .. sink, name, record)
    redis.call('ZADD', P .. 'sinkgaveup:' .. sink, now, name)
  elseif op == 'forget' then
    redis.call('HDEL', P .. 'sinkfailed:' .. sink, name)
    redis.call('ZREM', P .. 'sinkgaveup:' .. sink, name)
  end
end
-- The oldest failures are deleted when there are too many of them or when they are too old.
local over = redis.call('ZCARD', P .. 'sinkgaveup:' .. sink) - max
local old = over > 0 and redis.call('ZRANGE', P .. 'sinkgaveup:' .. sink, 0, math.min(over, 1000) - 1)
  or redis.call('ZRANGEBYSCORE', P .. 'sinkgaveup:' .. sink, '-inf', '(' .. before, 'LIMIT', 0, 1000)
if #old > 0 then
  if over > 0 then redis.call('HINCRBY', P .. 'sink:' .. sink, 'dropped', #old) end
  redis.call('HDEL', P .. 'sinkfailed:' .. sink, unpack(old))
  redis.call('ZREM', P .. 'sinkgaveup:' .. sink, unpack(old))
end
return { 1, over > 0 and #old or 0 }
