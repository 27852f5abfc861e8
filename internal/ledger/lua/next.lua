-- List the next entries of an index. ARGV: key of the index without the prefix, how many at most,
-- up to which score. Returns the ids.
return page(ARGV[3], ARGV[3], ARGV[5], ARGV[4])
