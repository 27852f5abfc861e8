-- Append to the outbox the outcomes that were set aside while it was sick, oldest first. ARGV: about
-- how many. Returns how many were appended. It appends none while the outbox is still sick.
local aside, n = P .. 'outboxaside', 0
local page = redis.pcall('XRANGE', aside, '-', '+', 'COUNT', ARGV[3])
if page.err or kept_outcomes == '' then return { 0 } end
for _, o in ipairs(page) do
  local added = redis.pcall('XADD', P .. 'outbox', 'MAXLEN', '~', kept_outcomes, '*', unpack(o[2]))
  if type(added) ~= 'string' then return { n } end
  redis.call('XDEL', aside, o[1])
  n = n + 1
end
if n > 0 and redis.call('XLEN', aside) == 0 then redis.call('DEL', aside) end
return { n }
