-- Before each script of asynq that has an instant among its arguments. asynq takes it from its machine's
-- clock: of a machine that was a day ahead, tasks would return a day late once it is gone or was set.
-- The last two arguments are not asynq's: which argument is an instant, and the machine's time, both
-- in seconds. A difference of half a minute may be a command that was long on its way.
local function by_redis_clock(argv)
  local which = tonumber(argv[#argv - 1])
  local at = tonumber(argv[which])
  local ahead = tonumber(argv[#argv]) - tonumber(redis.call('TIME')[1])
  if at and math.abs(ahead) > 30 then argv[which] = string.format('%d', at - ahead) end
end
