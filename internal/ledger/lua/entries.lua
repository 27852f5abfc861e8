-- Reading and writing entries. A verb is a script of the ledger. This file is put before nearly
-- every verb (scripts.go). ARGV starts with the prefix of every key. The second argument is
-- '<time>,<outcomes>'. <time> is that of a test's clock, or ''. <outcomes> is how many outcomes the
-- outbox keeps, or ''. The arguments of the verb follow. Scripts build their keys from the prefix,
-- because one Redis node holds them all (doc.go says why).
local P = ARGV[1]
local now, kept_outcomes = string.match(ARGV[2], '^(%d*),(%d*)$')
local test_clock = now ~= ''
if not test_clock then -- no test sets the clock, so it is Redis's, the only one that all processes share
  local t = redis.call('TIME')
  now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end

-- At maxmemory Redis refuses a script's first write if it needs memory. A script that has already
-- written goes on. Every verb must work then, so that invoices that were taken in can finish and
-- give their memory back. Only intake, which is no script, stops. So each script starts with a
-- write that needs no memory. The flag allow-oom of Redis 7 does the same, but other servers that
-- speak its protocol do not know it.
redis.call('DEL', P .. 'none')

-- elsewhere removes the first argument of the verb, which is the home that the caller has claimed.
-- It returns an error if the ledger has another home now. Each verb after which something is sent
-- calls elsewhere first. Otherwise a worker that was suspended could wake up and send after its
-- ledger was purged and given to another environment. A home of '' is not compared.
local function elsewhere()
  local home = table.remove(ARGV, 3)
  if home ~= '' and redis.call('GET', P .. 'home') ~= home then
    return redis.error_reply('ELSEWHERE the ledger does not belong to the home that was claimed')
  end
end

-- The states of an invoice that is decided. Its legal deadline is met, or it is not sent again
-- unless a person decides so.
local decided = { accepted = true, receipted = true, rejected = true, parked = true, dismissed = true, superseded = true }

-- The states that end an invoice without a receipt. The result of such an invoice must go to the
-- archive in every case. So the script that ends the invoice also marks its result as pending
-- (pending_results.go).
local ended = { rejected = true, parked = true, dismissed = true, superseded = true }

-- The states in which a person still has to act.
local open = { rejected = true, parked = true }

-- After an error in the middle of a script, the writes before it stay and the rest is skipped. So
-- the functions in this file check everything that they read of an entry. An entry that is damaged
-- or of another type is skipped, and the other entries of the same call are still written.

-- whole returns a field that is a whole number unchanged, and '0' for anything else.
local function whole(v)
  return v and string.find(v, '^-?%d+$') and v or '0'
end

-- read returns fields of an entry; none when its key holds another type.
local function read(key, ...)
  local e = redis.pcall('HMGET', P .. key, ...)
  return e.err and {} or e
end

-- index reads or writes a key that many entries share, such as an index or a waiting set. It
-- returns what Redis answers. If the key holds another type, index returns false and the script
-- goes on without the key, because an error would leave an entry half written. Ledger.SickKeys
-- reports such a key.
local function index(command, ...)
  local r = redis.pcall(command, ...)
  if type(r) ~= 'table' or not r.err then return r end
  return false
end

-- entry returns state, rev, package, group, size and deadline of an invoice, then the fields asked
-- for. If the revision is not a number as Redis writes it, state is false, because HINCRBY would
-- fail in the middle of a script. If size or deadline is not a whole number, the entry is marked as
-- damaged.
local function entry(id, ...)
  local e = read('inv:' .. id, 'state', 'rev', 'package', 'group', 'size', 'deadline', ...)
  if not e[2] or not string.find(e[2], '^[1-9]%d*$') or #e[2] > 15 then e[1] = false end
  e.damaged = e[5] and whole(e[5]) ~= e[5] or e[6] and whole(e[6]) ~= e[6]
  e[4], e[5], e[6] = e[4] or '', whole(e[5]), whole(e[6])
  return e
end

-- facts decodes the fixed part of an invoice's entry (facts.go); nil when it cannot be read.
local function facts(packed)
  local ok, f = pcall(cjson.decode, packed or '')
  return ok and type(f) == 'table' and f or nil
end

-- readable reports whether this build can read packed facts. Facts that this build wrote are
-- recognized by their start and end. Decoding would take too long, because a cut may look at a
-- thousand of them in one step, and Redis serves nobody else meanwhile.
local function readable(packed)
  if packed == FINAL then return true end
  local v = packed and string.sub(packed, -1) == '}' and string.match(packed, '^{"v":(%d+),"')
  if not v then
    local f = facts(packed)
    v = f and f.v
  end
  v = v and tonumber(v)
  return v and v >= 1 and v <= VERSION
end

-- base32 encodes bytes as the digests in keys are encoded. The number of bytes is a multiple of
-- five.
local function base32(raw)
  local byte, char, floor, out = string.byte, string.char, math.floor, {}
  local function letter(v) return v < 26 and v + 97 or v + 24 end -- 0 to 25 are a to z, 26 to 31 are 2 to 7
  for i = 1, #raw - 4, 5 do
    local a, b, c, d, e = byte(raw, i, i + 4)
    out[#out+1] = char(letter(floor(a / 8)), letter(a % 8 * 4 + floor(b / 64)), letter(floor(b / 2) % 32),
      letter(b % 2 * 16 + floor(c / 16)), letter(c % 16 * 2 + floor(d / 128)), letter(floor(d / 4) % 32),
      letter(d % 4 * 8 + floor(e / 32)), letter(e % 32))
  end
  return table.concat(out)
end

-- unbase32 undoes base32; '' for a text that base32 never returns.
local function unbase32(text)
  local bits, held, out = 0, 0, {}
  for k = 1, #text do
    local c = string.byte(text, k)
    local v = c >= 97 and c - 97 or c - 24 -- a to z are 0 to 25, 2 to 7 are 26 to 31
    if c > 122 or v < 0 or v > 31 then return '' end
    bits, held = bits * 32 + v, held + 5
    if held >= 8 then
      held = held - 8
      out[#out+1] = string.char(math.floor(bits / 2 ^ held))
      bits = bits % 2 ^ held
    end
  end
  return table.concat(out)
end

-- ident_bucket returns the name of the bucket of an identity, and its field there.
local function ident_bucket(digest) return string.sub(digest, 1, 3), string.sub(unbase32(digest), 2, 16) end

-- bucket returns the key of the bucket that an invoice's entry may be in, and its field there
-- (final_bucket.go).
local function bucket(id)
  return P .. 'final:' .. string.sub(id, 5, 6), string.sub(unbase32(string.sub(id, 5)), 2, 15)
end

-- frozen returns the value of an entry that is in a bucket, then its revision, the digest of its
-- ref and the heads of its sealed texts. It returns nothing when the value is missing or
-- unreadable.
local function frozen(id)
  local value = redis.pcall('HGET', bucket(id))
  if type(value) ~= 'string' then return end
  local rev, at = string.match(value, '^\2(%d+) ()')
  local bits = rev and string.byte(value, at)
  if not bits then return end
  local ref = bits >= 128 and string.sub(value, at + 1, at + 20) or ''
  at = at + 1 + #ref
  return value, rev, ref ~= '' and base32(ref) or '', string.sub(value, at, at + 12 * (bits % 128) - 1)
end

-- newest returns the id of the newest document of an identity, which may be in a bucket. The id is
-- nil if there is none. The second value is true if a key that may name it holds another type.
local function newest(ident)
  local own = redis.pcall('GET', P .. 'ident:' .. ident)
  if type(own) == 'string' then return own end
  local name, field = ident_bucket(ident)
  local id = redis.pcall('HGET', P .. 'idents:' .. name, field)
  local sick = type(own) == 'table' or type(id) == 'table'
  return type(id) == 'string' and 'inv-' .. base32(id) or nil, sick
end

-- unref deletes a ref if it names this invoice.
local function unref(ref, id)
  if index('GET', P .. 'ref:' .. ref) == id then redis.call('DEL', P .. 'ref:' .. ref) end
end

-- unname deletes an identity if it names this invoice.
local function unname(ident, id)
  if index('GET', P .. 'ident:' .. ident) == id then redis.call('DEL', P .. 'ident:' .. ident) end
  local name, field = ident_bucket(ident)
  local raw = index('HGET', P .. 'idents:' .. name, field)
  if raw and 'inv-' .. base32(raw) == id then index('HDEL', P .. 'idents:' .. name, field) end
end

-- identity returns the digest of an invoice's identity. It returns nil when the entry is missing or
-- unreadable.
local function identity(id)
  local e = read('inv:' .. id, 'facts', 'i')
  if e[1] == FINAL then return e[2] and base32(e[2]) end
  local f = facts(e[1])
  return f and type(f.ident) == 'string' and f.ident or nil
end

-- rank_behind returns the rank of the first member of a sorted set that stands behind a score and a
-- member. Members of one score stand in the order of their bytes. The member itself need not be
-- there.
local function rank_behind(key, score, member)
  local rank = redis.call('ZSCORE', key, member) == score and redis.call('ZRANK', key, member)
  if rank then return rank + 1 end
  local start, high = redis.call('ZCOUNT', key, '-inf', '(' .. score), redis.call('ZCOUNT', key, '-inf', score)
  while start < high do
    local middle = math.floor((start + high) / 2)
    if redis.call('ZRANGE', key, middle, middle)[1] <= member then start = middle + 1 else high = middle end
  end
  return start
end

-- page continues through a sorted set behind the cursor of the given name. It lists up to max
-- members whose score is not above the argument before, lowest first. The cursor is the last member
-- listed. So a member that stays at the head of the set for ever is not listed again before all
-- others were listed. After a page of fewer than max members the cursor is deleted, and the next
-- page starts from the beginning.
local function page(key, name, before, max)
  key, max, before = P .. key, tonumber(max), tonumber(before)
  if not index('ZCARD', key) then return {} end
  local from, start = index('HGET', P .. 'cursors', name), 0
  if from then
    local score, member = string.match(from, '^(%S+) (.*)$')
    start = rank_behind(key, score, member)
  end
  local found, out, last = redis.call('ZRANGE', key, start, start + max - 1, 'WITHSCORES'), {}, nil
  for i = 1, #found, 2 do
    if tonumber(found[i + 1]) > before then break end
    out[#out + 1] = found[i]
    last = found[i + 1] .. ' ' .. found[i]
  end
  if #out < max then
    index('HDEL', P .. 'cursors', name)
  else
    index('HSET', P .. 'cursors', name, last)
  end
  return out
end

-- empty removes a group and its count of bytes when both of its sets, by deadline and by age, are
-- empty. The bytes of an invoice are counted when it enters the set by age. If a person deletes
-- only the set by deadline, the invoices come back to that set, but their bytes are not counted
-- again, because they are still in the set by age. So the count has to stay while the set by age
-- has members.
local function empty(group)
  if redis.call('EXISTS', P .. 'wait:' .. group) == 0 and (index('ZCARD', P .. 'waitage:' .. group) or 0) == 0 then
    index('SREM', P .. 'groups', group)
    index('HDEL', P .. 'waitsize', group)
  end
end

-- Changes that put makes to indexes are collected, and written at the end of the verb (finish). A
-- verb moves a hundred invoices at a time, and one command for all of them is quicker than a
-- hundred. With one command for all, Redis cuts 10,000 invoices in 0.23 s instead of 0.38 s.
local scores = {} -- by index, then by member: the new score, or false when the member leaves
local leaving = {} -- by waiting group, then by invoice: its size
local PIECE_OF_INDEX = 500 -- how many members one command gets; Lua bounds the number of arguments

-- place changes one member of an index at the end of the verb.
local function place(key, member, score)
  if not scores[key] then scores[key] = {} end
  scores[key][member] = score
end

-- unwait takes an invoice out of the waiting set of a group at the end of the verb. The group ''
-- means none.
local function unwait(id, group, size)
  if not group or group == '' then return end
  if not leaving[group] then leaving[group] = {} end
  leaving[group][id] = size
end

-- leave writes what unwait collected for a group.
local function leave(group)
  local sizes, ids = leaving[group], {}
  leaving[group] = nil
  for id in pairs(sizes) do ids[#ids+1] = id end
  for first = 1, #ids, PIECE_OF_INDEX do
    local last = math.min(first + PIECE_OF_INDEX - 1, #ids)
    index('ZREM', P .. 'wait:' .. group, unpack(ids, first, last))
    local ages, bytes = index('ZMSCORE', P .. 'waitage:' .. group, unpack(ids, first, last)) or {}, 0
    for k = first, last do
      if ages[k - first + 1] then bytes = bytes + tonumber(sizes[ids[k]]) end
    end
    if (index('ZREM', P .. 'waitage:' .. group, unpack(ids, first, last)) or 0) > 0 then
      index('HINCRBY', P .. 'waitsize', group, string.format('%.0f', 0 - bytes))
    end
  end
  empty(group)
end

-- finish runs a verb and then writes what it collected. It writes the collected changes even after
-- an error of the verb, because the entries that the verb moved before the error are written
-- already.
local function finish(verb)
  local ok, answer = pcall(verb)
  for group in pairs(leaving) do leave(group) end
  for key, members in pairs(scores) do
    local gone, there = {}, {}
    local function write(command, args)
      if #args > 0 then index(command, key, unpack(args)) end
      return {}
    end
    for member, score in pairs(members) do
      if score then
        there[#there+1], there[#there+2] = score, member
      else
        gone[#gone+1] = member
      end
      if #gone == PIECE_OF_INDEX then gone = write('ZREM', gone) end
      if #there == 2 * PIECE_OF_INDEX then there = write('ZADD', there) end
    end
    write('ZREM', gone)
    write('ZADD', there)
  end
  if not ok then error(answer, 0) end
  return answer
end

-- wait puts an invoice into the waiting set of a group. Its age counts from the time since, or from
-- now. If it waits there already, it keeps its age. If the set by age is of another type, wait
-- raises an error before anything of the entry is written. The error concerns only the invoices of
-- this group. Without the error, the invoice would wait in no set.
local function wait(id, group, deadline, size, since)
  if leaving[group] and leaving[group][id] then leave(group) end
  if redis.call('ZADD', P .. 'waitage:' .. group, 'NX', since or now, id) == 1 then
    local first = redis.call('ZCARD', P .. 'waitage:' .. group) == 1 -- a person may have deleted all others
    index(first and 'HSET' or 'HINCRBY', P .. 'waitsize', group, tonumber(size))
  end
  redis.call('ZADD', P .. 'wait:' .. group, deadline, id)
  index('SADD', P .. 'groups', group)
end

-- has reports whether a state, or any other word, is in a list that is separated by commas.
local function has(list, state)
  return string.find(',' .. list .. ',', ',' .. state .. ',', 1, true) ~= nil
end

-- fact returns the text of one fact from JSON facts, without decoding them, because a settled
-- package asks for two facts of thousands of invoices. It returns nil for a text with an escape.
-- Searching a plain text is much quicker than matching a pattern at every place.
local function fact(packed, name)
  local start = '"' .. name .. '":"'
  local at = string.find(packed, start, 1, true)
  return at and string.match(packed, '^([^"\\]*)"', at + #start)
end

-- others returns the ids of all documents of an invoice's identity when there are several. e has
-- the fields 'facts' and 'i' of the invoice's entry.
local function others(e)
  local ident = e[1] == FINAL and e[2] and base32(e[2]) or e[1] and fact(e[1], 'ident')
  local all = ident and redis.pcall('SMEMBERS', P .. 'more:' .. ident) or {}
  return all.err and {} or all
end

-- tell puts an outcome into the outbox, in the step that writes the entry (outbox.lua). Redis drops
-- the oldest outcomes, so their number is bounded, and tell may write at maxmemory too. An outcome names the
-- tenant, because the entry may be unreadable later. e has the entry's fields 'facts', 'i', 's',
-- 'code', 'ksef_number' and 'reason'.
local function tell(id, rev, state, e)
  if kept_outcomes == '' then return end
  local tenant = string.match(e[3] or '', '^([^\31]*)\31') or fact(e[1] or '', 'tenant') or '' -- 's' is of a packed entry
  local refused = keep(P, kept_outcomes, { 'id', id, 'rev', rev, 'state', state, 'code', e[4] or '', 'number', e[5] or '',
    'reason', e[6] or '', 'tenant', tenant })
  if refused then lose(P, 1) end
end

-- put writes the new state of an invoice and updates every index. e is what entry returned for the
-- invoice just before, with the legal deadline that is valid from now on. fields is a flat list of
-- names and values. When the invoice is accepted, the other documents of its identity that wait for
-- a person become superseded. When the invoice is rejected, only the other rejected documents
-- become superseded, because one open item is enough for a person. A parked document stays parked,
-- because KSeF may have it. Returns the new revision, and the ids that became superseded, if any
-- did.
local function put(id, e, to, newgroup, fields)
  local from, rev, group, size, deadline = e[1], e[2] + 1, e[4], e[5], e[6]
  local n = #fields
  local function set(field, value) fields[n+1], fields[n+2], n = field, value, n + 2 end
  if group ~= newgroup then
    unwait(id, group, size)
    set('group', newgroup)
  end
  if newgroup ~= '' then wait(id, newgroup, deadline, size) end -- its entry may name the group while the set lacks it: see cut
  if ended[to] then
    set('owed', 1)
    place(P .. 'owed', id, now)
  elseif ended[from] then
    redis.call('HDEL', P .. 'inv:' .. id, 'owed')
    place(P .. 'owed', id, false)
  end
  set('state', to)
  set('updated_at', now)
  set('rev', string.format('%.0f', rev))
  redis.call('HSET', P .. 'inv:' .. id, unpack(fields))
  if from ~= to then place(P .. 'st:' .. from, id, false) end
  if open[from] and from ~= to then index('HDEL', P .. 'seen', id) end
  place(P .. 'st:' .. to, id, now)
  if decided[to] then -- an older build keeps parked invoices in the index of deadlines
    if not decided[from] or from == 'parked' then place(P .. 'due', id, false) end
  elseif decided[from] then
    place(P .. 'due', id, deadline)
  end
  local over, written
  if decided[to] and from ~= to or to == 'accepted' then
    written = read('inv:' .. id, 'facts', 'i', 's', 'code', 'ksef_number', 'reason')
  end
  if to == 'accepted' or to == 'rejected' and from ~= to then
    for _, other in ipairs(others(written)) do
      local o = entry(other)
      if other ~= id and (to == 'accepted' and open[o[1]] or o[1] == 'rejected') then
        put(other, o, 'superseded', '', { 'superseded_by', id })
        over = over or {}
        over[#over+1] = other
      end
    end
  end
  if decided[to] and from ~= to then tell(id, rev, to, written) end
  return rev, over
end

-- life returns what Ledger.Life returns; '' where INFO is not available.
local function life()
  local function line(section, name)
    local info = redis.pcall('INFO', section)
    return type(info) == 'string' and string.match(info, '\n' .. name .. ':(%w+)') or ''
  end
  local process, master = line('server', 'run_id'), line('replication', 'master_replid')
  if process == '' or master == '' then return '' end
  return process .. '/' .. master
end

-- over reports whether Redis has begun another life than the one that the caller is bound to. It
-- returns false when the life is not known.
local function over(within)
  if within == '' then return false end
  local present = life()
  return present ~= '' and present ~= within
end

-- attempt counts how often an invoice is about to be sent. The count is only shown to people, so a
-- damaged count does not stop the send.
local function attempt(id) redis.pcall('HINCRBY', P .. 'inv:' .. id, 'attempts', 1) end

-- movepkg writes the new state of a package and updates its index. from is '' for a new package.
-- Returns the new revision.
local function movepkg(id, from, to, fields)
  table.insert(fields, 'state'); table.insert(fields, to)
  table.insert(fields, 'updated_at'); table.insert(fields, now)
  if to == 'settled' and from ~= to then table.insert(fields, 'settled_at'); table.insert(fields, now) end
  redis.call('HSET', P .. 'pkg:' .. id, unpack(fields))
  -- A receipted package does not need the list of its invoices any more. But if close was never
  -- tried, some invoices may have been left in the package, and have to wait again
  -- (Ledger.MoveRest). They are found by the list, so the list is then kept.
  if to == 'receipted' and from ~= to and redis.call('HEXISTS', P .. 'pkg:' .. id, 'closing_at') == 1 then
    redis.call('UNLINK', P .. 'pkginv:' .. id)
  end
  if from ~= to then index('ZREM', P .. 'pst:' .. from, id) end
  index('ZADD', P .. 'pst:' .. to, now, id)
  return redis.call('HINCRBY', P .. 'pkg:' .. id, 'rev', 1)
end
