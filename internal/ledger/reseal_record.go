package ledger

import "github.com/redis/go-redis/v9"

// recordField tells reseal.lua that a step is about the whole record of a packed entry, and not
// about a field. The pieces of a record change together or not at all.
const recordField = "record"

// livingRecords returns the records of the packed entries that resealEntries has read.
func (ss *SealStore) livingRecords(rows []*redis.SliceCmd) [][]byte {
	var out [][]byte
	for _, r := range rows {
		if record := recordOfRow(r.Val()); record != nil {
			ss.shapes.learn(record, text(cell(r.Val(), 4)))
			out = append(out, record)
		}
	}
	return out
}

// recordOfRow returns the record of an entry that resealEntries has read; nil if it is not packed.
func recordOfRow(row []any) []byte {
	return finalRecordIn(text(cell(row, 2)), func(k int) string { return text(cell(row, 5+k)) })
}

// appendResealedRecord appends the steps that seal the texts of a packed entry with the first key.
// It appends no steps in four cases: the record cannot be read, the entry has no text to seal
// again, the new record cannot be made or would be too long, or the new record would give another
// entry.
func (ss *SealStore) appendResealedRecord(args []any, id, heads string, record []byte) []any {
	shape := ss.shapes.of(record)
	var inv Invoice
	if inv.unpackFinal(id, record, shape) != nil {
		return args
	}
	digest, changed := ss.resealPacked(&inv)
	if !changed {
		return args
	}
	sealed, same, err := packFinal(&inv, new(writtenShapes))
	if err != nil || same.text != shape.text || len(sealed) >= finalPiece*finalPieces {
		return args
	}
	var again Invoice
	if again.unpackFinal(id, sealed, shape) != nil || again != inv {
		return args
	}
	return append(args, keyInvoice+id, recordField, record, sealed, digest, keyInvoice+id, headsField, heads, headsOf(&inv), "")
}
