-- Keeping outcomes. This file is put before entries.lua and before tell.lua (scripts.go).
--
-- An outcome goes into the stream outbox. While the key of the outbox holds another type, outcomes
-- go into the stream outboxaside, and rejoin.lua appends them to the outbox later. As long as
-- outboxaside exists, all outcomes go there, although the outbox may be well again. Otherwise a
-- receiver would be told that an invoice is receipted, and then that it was accepted. While both
-- keys hold another type, an outcome cannot be kept. A move must not fail for that, so such
-- outcomes are counted in the hash outboxlost (Ledger.NotKept).
local setting_aside -- whether outcomes are set aside now; nil before the first outcome of a script

-- lose counts n outcomes that were not kept. since is when the first of them was written, in
-- milliseconds, or nil for now.
local function lose(prefix, n, since)
  local key, t = prefix .. 'outboxlost', redis.call('TIME')
  local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
  redis.pcall('HSETNX', key, 'since', since or now)
  redis.pcall('HSET', key, 'until', now)
  redis.pcall('HINCRBY', key, 'n', n)
  redis.pcall('EXPIRE', key, LOST_KEPT)
end

-- keep keeps an outcome, which is a flat list of names and values. most is about how many outcomes
-- a stream has. It returns nil, or what Redis answered if the outcome was not kept.
local function keep(prefix, most, outcome)
  local aside = prefix .. 'outboxaside'
  if setting_aside == nil then setting_aside = redis.call('TYPE', aside).ok == 'stream' end
  if not setting_aside then
    local added = redis.pcall('XADD', prefix .. 'outbox', 'MAXLEN', '~', most, '*', unpack(outcome))
    if type(added) == 'string' then return end
  end
  local added = redis.pcall('XADD', aside, '*', unpack(outcome))
  if type(added) ~= 'string' then return added end
  setting_aside = true
  if redis.call('XLEN', aside) > tonumber(most) then
    local first = redis.call('XRANGE', aside, '-', '+', 'COUNT', 1)[1][1]
    local gone = redis.call('XTRIM', aside, 'MAXLEN', '~', most)
    if gone > 0 then lose(prefix, gone, string.match(first, '^%d+')) end
  end
end
