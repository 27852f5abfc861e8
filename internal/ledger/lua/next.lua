-- List the next entries of an index. ARGV: key of the index without the prefix, how many at most,
-- up to which score, and what is put before the name of the cursor when the index has several.
-- Returns the ids.
return page(ARGV[3], (ARGV[6] or '') .. ARGV[3], ARGV[5], ARGV[4])
