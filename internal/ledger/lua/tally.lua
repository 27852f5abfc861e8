-- Count the seals of one page of a state's invoices. ARGV: state, cursor, about how many to read.
-- Returns the next cursor, '0' at the end, then pairs of a seal and its count.
local page = redis.call('ZSCAN', P .. 'st:' .. ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local counts, out = {}, { page[1] }
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local head, seal = redis.call('GETRANGE', P .. 'body:' .. id, 0, 8), nil
  if head ~= '' then
    local layout = string.byte(head)
    if layout == 1 then seal = 'plain'
    elseif layout == 2 then seal = 'layout 2'
    elseif layout == 3 and #head == 9 then
      seal = string.gsub(string.sub(head, 2), '.', function(c) return string.format('%02x', string.byte(c)) end)
    else seal = 'another layout' end
  else
    local e = redis.call('HMGET', P .. 'inv:' .. id, 'body_archived', 'body_seal')
    if e[1] == '1' then seal = e[2] or 'in the archive' end
  end
  if seal then counts[seal] = (counts[seal] or 0) + 1 end
end
for seal, n in pairs(counts) do out[#out+1] = seal; out[#out+1] = n end
return out
