package ledger

// firstRev is the first revision of an entry that is taken in at now. It is the number of seconds
// since the beginning of 2026. An invoice may be taken in again after Redis lost its entry, or
// after the ledger forgot it. The invoice then has the same id, and receivers of results keep the
// greatest revision of an id. Each move adds one to the revision, and most entries are moved five
// times. So the new entry has greater revisions if the seconds since the lost entry began outnumber
// the moves of the lost entry.
func firstRev(now Millis) int64 { return max(int64(now/1000)-revEpoch, 1) }

// revEpoch is the beginning of 2026 in seconds since 1970. Numbers that count from 1970 would be
// longer in each entry, and would soon need more than 31 bits.
const revEpoch = 1_767_225_600

// FirstRev returns the revision at which the entry began. Earlier builds began each entry at 1, and
// such an entry is recognized by its small revision.
func (i *Invoice) FirstRev() int64 {
	if first := firstRev(i.CreatedAt); i.Rev >= first {
		return first
	}
	return 1
}

// Fresh reports whether the entry is unchanged since the invoice was taken in.
func (i *Invoice) Fresh() bool { return i.Rev == i.FirstRev() }
