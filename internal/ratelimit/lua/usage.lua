-- Count. ARGV: now, then the length of each window. Returns {now, frozen until, instants ahead, used in each window…}.
local now = clock(ARGV[1])
local log = load(KEYS[1])
local answer = {now, log.frozen, log.count + 1 - from(log, now + 1)}
for a = 2, #ARGV do
  answer[#answer + 1] = log.count + 1 - from(log, now - tonumber(ARGV[a]))
end
return answer
