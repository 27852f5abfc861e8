-- List the next entries of an index.
--
-- ARGV: key of the index without the prefix, maximum number of entries, highest score, and a word
-- that stands before the name of the cursor. Callers with different words go through the same index
-- independently. Returns the ids.
return page(ARGV[3], (ARGV[6] or '') .. ARGV[3], ARGV[5], ARGV[4])
