-- Write where the ledger belongs. ARGV: the new value, and the value that it replaces ('' if none
-- is there yet). If another value is there, nothing is written. Returns the value that is there
-- afterwards. It is a script because scripts work at maxmemory; see entries.lua.
local at = redis.call('GET', P .. 'home') or ''
if at == ARGV[4] then
  redis.call('SET', P .. 'home', ARGV[3])
  at = ARGV[3]
end
return { at }
