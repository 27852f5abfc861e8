-- Runs before each script of asynq. A script that only counts runs first, and its keys are checked
-- when it has failed (guarded.go). A script that fails in the middle undoes nothing. It could leave
-- a task whose entry is written and whose id is in no list. Such a task would never run and could
-- not be queued again. So the types of all keys are checked first.
local KINDS = {
  pending = 'list', active = 'list', lease = 'zset', scheduled = 'zset', retry = 'zset', archived = 'zset',
  completed = 'zset', processed = 'string', failed = 'string', t = 'hash', queues = 'set', servers = 'zset',
  workers = 'zset',
}
local function sick_key(keys)
  for _, key in ipairs(keys) do
    local part = string.match(key, 'asynq:{[^}]*}:(%l+)') or string.match(key, 'asynq:(%l+)$')
    local kind = part and KINDS[part]
    local is = kind and redis.call('TYPE', key).ok
    if kind and is ~= 'none' and is ~= kind then return redis.error_reply('SICKKEY ' .. is .. ' ' .. key) end
  end
end
