-- Append to the outbox the outcomes that were set aside while it was sick, oldest first. ARGV: about
-- how many. Returns how many were appended. It appends none while the outbox is still sick. After
-- the last one the stream is deleted in the same step, and outcomes go into the outbox again.
local aside, moved = P .. 'outboxaside', {}
local page = redis.pcall('XRANGE', aside, '-', '+', 'COUNT', ARGV[3])
if page.err or kept_outcomes == '' then return { 0 } end
for i, o in ipairs(page) do
  local added = redis.pcall('XADD', P .. 'outbox', 'MAXLEN', '~', kept_outcomes, '*', unpack(o[2]))
  if type(added) ~= 'string' then break end
  moved[i] = o[1]
end
if #moved > 0 then redis.call('XDEL', aside, unpack(moved)) end
if #moved == #page and redis.call('XLEN', aside) == 0 then redis.call('DEL', aside) end
return { #moved }
