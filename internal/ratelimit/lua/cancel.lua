-- Removes a booked instant from the log, if it is the last one and has this mark. ARGV: now,
-- instant, mark.
local log = load(KEYS[1])
if log.count == 0 or last(log) ~= tonumber(ARGV[2]) then return 0 end
if byte(log.s, #log.s) ~= tonumber(ARGV[3]) then return 0 end
local final = log.count > 1 and instant(log, log.count - 1) or 0
save(KEYS[1], clock(ARGV[1]), log, final, records(log, 1, log.count - 1))
return 1
