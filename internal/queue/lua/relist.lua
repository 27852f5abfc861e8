-- Puts tasks back into the lists that their entries name. KEYS: pending, active, lease, scheduled,
-- retry, archived. ARGV: the beginning of the names of entries, now, the end of a lease (both in
-- seconds), then the ids of tasks. Returns how many tasks were in no list.
local n, lists = 0, { pending = KEYS[1], active = KEYS[2] }
local sets = { scheduled = KEYS[4], retry = KEYS[5], archived = KEYS[6] }
for i = 4, #ARGV do
  local id = ARGV[i]
  local state = redis.pcall('HGET', ARGV[1] .. id, 'state')
  if type(state) == 'string' then
    if lists[state] and not redis.call('LPOS', lists[state], id) then
      redis.call('LPUSH', lists[state], id)
      n = n + 1
    end
    -- A running task keeps the lease that its worker has. If it has none, it gets one, and asynq
    -- gives the task back when that lease ends.
    if state == 'active' then redis.call('ZADD', KEYS[3], 'NX', ARGV[3], id) end
    if sets[state] then n = n + redis.call('ZADD', sets[state], 'NX', ARGV[2], id) end
  end
end
return n
