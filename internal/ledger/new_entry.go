package ledger

// The entry of an invoice that is taken in is packed like a receipted one (final_entry.go). Its
// facts are a record in pieces, and its shape is one field. As JSON its facts would be longer than
// 64 bytes. Redis would then keep the whole entry as a hash table, which takes four times the
// memory. A value that scripts read or change has a field of its own, which takes precedence over
// the record. The facts are still JSON in three cases: [FormatPacked] is not written yet, a record
// cannot hold the facts, or the invoice was handed in again with [NewTerms.Offline].

// newShapes are the shapes of the invoices of one batch. The zero value is empty.
type newShapes struct {
	last   finalShape
	digest string            // of last
	texts  map[string]string // digest → text of each
}

// of returns the digest of a shape; "" if JSON cannot hold the shape. Nearly always the invoice
// before had the same shape.
func (ns *newShapes) of(s finalShape) string {
	if ns.texts != nil && s == ns.last {
		return ns.digest
	}
	text, ok := s.text()
	if !ok {
		return ""
	}
	if ns.texts == nil {
		ns.texts = map[string]string{}
	}
	ns.last, ns.digest = s, string(shapeDigest(text))
	ns.texts[ns.digest] = text
	return ns.digest
}

// newEntry returns the fields of the entry of an invoice that is taken in. Without shapes its facts
// are JSON.
func (is *InvoiceStore) newEntry(i *Invoice, now Millis, ident string, revision int, shapes *newShapes) ([]any, error) {
	fields := append(make([]any, 0, 32), "rev", firstRev(now), "state", string(Queued), "deadline", int64(i.Deadline), "size", i.Size,
		"lane", string(i.Lane), "updated_at", int64(now), "number", i.Number)
	if shapes != nil {
		packed, err := is.packNew(i, now, ident, revision, shapes)
		if err != nil {
			return nil, err
		}
		if packed != nil {
			return append(fields, packed...), nil
		}
	}
	facts, err := is.packFacts(i, now, ident, revision)
	if err != nil {
		return nil, err
	}
	return append(fields, "facts", facts), nil
}

// packNew returns the fields that a packed entry has in place of its facts. It returns nil if a
// record cannot hold the facts.
func (is *InvoiceStore) packNew(i *Invoice, now Millis, ident string, revision int, shapes *newShapes) ([]any, error) {
	if i.Corrects != "" {
		return nil, nil
	}
	n := Invoice{Facts: i.Facts, Hash: i.Hash, Deadline: i.Deadline, UpdatedAt: now}
	n.Revision, n.CreatedAt = revision, now
	var err error
	if n.File, err = is.sealText(fileText(i.ID), i.File); err != nil {
		return nil, err
	}
	if n.Ref, err = is.sealText(refText(i.ID), i.Ref); err != nil {
		return nil, err
	}
	s := shapeOf(&n)
	own, ok := s.brief()
	shape := shapes.of(s)
	if shape == "" || !ok {
		return nil, nil
	}
	record := appendRecord(make([]byte, 0, 3*finalPiece), &n, shape, false)
	if len(record) >= finalPiece*finalPieces {
		return nil, nil
	}
	raw, err := idEncoding.DecodeString(ident)
	if err != nil {
		return nil, err
	}
	fields := append(make([]any, 0, 16), "facts", finalFacts, identField, raw, shapeField, own)
	if heads := headsOf(&n); heads != "" {
		fields = append(fields, headsField, heads)
	}
	return appendPieces(fields, record), nil
}

// appendPieces appends the fields that have the pieces of a record.
func appendPieces(fields []any, record []byte) []any {
	for k, p := range piecesOf(record) {
		fields = append(fields, pieceFields[k], p)
	}
	return fields
}
