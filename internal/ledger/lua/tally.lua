-- Count the seals of one page of an index of entries. ARGV: the index (st:<state> of invoices or
-- pst:<state> of packages), cursor, about how many to read. Returns the next cursor, '0' at the
-- end, then two lists of pairs. The first list has seals of documents and how often each occurs.
-- The second list has the first 12 characters of sealed texts, and how often each occurs. These
-- characters are the layout and the key id in Base64.
local index, docs, texts = ARGV[3], {}, {}
local page = redis.call('ZSCAN', P .. index, ARGV[4], 'COUNT', ARGV[5])
local packages = string.sub(index, 1, 4) == 'pst:'
local function count(of, seal) of[seal] = (of[seal] or 0) + 1 end
local function sealed(text)
  local head = text and string.match(text, '^sealed:(............)')
  if head then count(texts, head) end
end
for i = 1, #page[2], 2 do
  local id = page[2][i]
  if packages then
    local p = read('pkg:' .. id, 'reason', 'said')
    sealed(p[1])
    sealed(p[2])
  else
    local e = read('inv:' .. id, 'body_archived', 'body_seal', 'reason', 'facts', 'k', 'said')
    sealed(e[3])
    sealed(e[6])
    local heads = e[5] or index == 'st:receipted' and not e[4] and select(4, frozen(id)) or ''
    for head in string.gmatch(heads, '............') do count(texts, head) end -- of a packed entry
    sealed(e[4] and string.match(e[4], '"file":"(sealed:[^"]*)"'))
    sealed(e[4] and string.match(e[4], '"ref":"(sealed:[^"]*)"'))
    local head = index ~= 'st:receipted' and redis.pcall('GETRANGE', P .. 'body:' .. id, 0, 8) or ''
    if type(head) == 'string' and head ~= '' then
      local layout = string.byte(head)
      if layout == 1 or layout >= 4 and layout <= 8 and layout % 2 == 0 then count(docs, 'plain')
      elseif layout == 2 then count(docs, 'layout 2')
      elseif layout >= 3 and layout <= 9 and #head == 9 then
        count(docs, (string.gsub(string.sub(head, 2), '.', function(c) return string.format('%02x', string.byte(c)) end)))
      else count(docs, 'another layout') end
    elseif e[1] == '1' then
      count(docs, e[2] or 'in the archive')
    end
  end
end
local function pairs_of(counts)
  local out = {}
  for seal, n in pairs(counts) do out[#out+1] = seal; out[#out+1] = n end
  return out
end
return { page[1], pairs_of(docs), pairs_of(texts) }
