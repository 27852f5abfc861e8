-- The verbs of the ledger. This text is put before each verb's own lines.
-- Keys are built here from the prefix: one Redis node holds them all (doc.go says why).
local P, now = ARGV[1], ARGV[2]

-- At maxmemory Redis refuses a script's first write if it takes memory, and lets a script through that
-- has written already. Every verb but taking in has to go through, or nothing that was taken could
-- finish and give its memory back; so it begins with a write that takes none. The flag allow-oom of
-- Redis 7 says the same, and other servers that speak its protocol do not know it.
redis.call('DEL', P .. 'none')

-- What counts as decided: the legal deadline is met, or there is nothing left to send.
local decided = { accepted = true, receipted = true, rejected = true }

-- identity is the digest of an invoice's identity, nil when there is no such entry.
local function identity(id)
  local facts = redis.call('HGET', P .. 'inv:' .. id, 'facts')
  return facts and cjson.decode(facts).ident
end

local function unwait(id, e_group, size)
  if e_group and e_group ~= '' then
    redis.call('ZREM', P .. 'wait:' .. e_group, id)
    if redis.call('ZREM', P .. 'waitage:' .. e_group, id) == 1 then
      redis.call('HINCRBY', P .. 'waitsize', e_group, -tonumber(size))
    end
    if redis.call('EXISTS', P .. 'wait:' .. e_group) == 0 then
      redis.call('SREM', P .. 'groups', e_group)
      redis.call('HDEL', P .. 'waitsize', e_group)
    end
  end
end

local function wait(id, group, deadline, size)
  if redis.call('ZADD', P .. 'waitage:' .. group, 'NX', now, id) == 1 then
    redis.call('HINCRBY', P .. 'waitsize', group, tonumber(size))
  end
  redis.call('ZADD', P .. 'wait:' .. group, deadline, id)
  redis.call('SADD', P .. 'groups', group)
end

local function has(list, state)
  return string.find(',' .. list .. ',', ',' .. state .. ',', 1, true) ~= nil
end

-- put writes the new state and keeps every index in step. from is the present state, group and size the present
-- waiting group and size, deadline the legal deadline; fields is a flat list.
local function put(id, from, to, group, size, deadline, newgroup, fields)
  if group ~= newgroup then
    unwait(id, group, size)
    if newgroup ~= '' then wait(id, newgroup, deadline, size) end
    table.insert(fields, 'group'); table.insert(fields, newgroup)
  end
  table.insert(fields, 'state'); table.insert(fields, to)
  table.insert(fields, 'updated_at'); table.insert(fields, now)
  redis.call('HSET', P .. 'inv:' .. id, unpack(fields))
  if from ~= to then redis.call('ZREM', P .. 'st:' .. from, id) end
  redis.call('ZADD', P .. 'st:' .. to, now, id)
  if decided[to] then
    if not decided[from] then redis.call('ZREM', P .. 'due', id) end
  elseif decided[from] then
    redis.call('ZADD', P .. 'due', deadline, id)
  end
  return redis.call('HINCRBY', P .. 'inv:' .. id, 'rev', 1)
end

-- life is what Ledger.Life gives; '' where INFO is not to be had.
local function life()
  local function line(section, name)
    local info = redis.pcall('INFO', section)
    return type(info) == 'string' and string.match(info, '\n' .. name .. ':(%w+)') or ''
  end
  local process, master = line('server', 'run_id'), line('replication', 'master_replid')
  if process == '' or master == '' then return '' end
  return process .. '/' .. master
end

local function movepkg(id, from, to, fields)
  table.insert(fields, 'state'); table.insert(fields, to)
  table.insert(fields, 'updated_at'); table.insert(fields, now)
  if to == 'settled' and from ~= to then table.insert(fields, 'settled_at'); table.insert(fields, now) end
  redis.call('HSET', P .. 'pkg:' .. id, unpack(fields))
  if from ~= to then redis.call('ZREM', P .. 'pst:' .. from, id) end
  redis.call('ZADD', P .. 'pst:' .. to, now, id)
  return redis.call('HINCRBY', P .. 'pkg:' .. id, 'rev', 1)
end
