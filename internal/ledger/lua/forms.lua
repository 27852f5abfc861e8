-- Record the newest form of entries and documents that every worker reads. ARGV: the newest that this
-- build knows; for how long that counts (ms); the names of the workers that are alive. A worker that
-- has not said what it reads is of an older build. Returns {the form}; 1 is the first.
local form, said = tonumber(ARGV[3]), {}
local all = index('HGETALL', P .. 'reads') or {}
for i = 1, #all, 2 do
  local reads, until_ = string.match(all[i+1], '^(%d+) (%d+)$')
  if until_ and tonumber(until_) > tonumber(now) then
    said[all[i]] = tonumber(reads)
  else
    index('HDEL', P .. 'reads', all[i])
  end
end
for i = 5, #ARGV do form = math.min(form, said[ARGV[i]] or 1) end
if form > 1 and #ARGV > 4 then
  redis.call('SET', P .. 'forms', form, 'PX', ARGV[4])
else
  redis.call('DEL', P .. 'forms')
  form = 1
end
return { form }
