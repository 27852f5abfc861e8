-- Runs before each script of asynq that has an instant among its arguments. asynq takes the instant
-- from its machine's clock. If that clock was a day ahead, and the machine then fails or its clock
-- is set right, the tasks return a day late. The last two arguments come from this program. They
-- are the number of the argument that is an instant, and the machine's time. Both times are in
-- seconds. A difference of up to half a minute is ignored, because it may come from a command that
-- was long on its way.
local function by_redis_clock(argv)
  local which = tonumber(argv[#argv - 1])
  local at = tonumber(argv[which])
  local ahead = tonumber(argv[#argv]) - tonumber(redis.call('TIME')[1])
  if at and math.abs(ahead) > 30 then argv[which] = string.format('%d', at - ahead) end
end
