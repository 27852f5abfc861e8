package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A receipted invoice is read seldom and stays for months, so its entry is packed into one record,
// which goes into a bucket (final_bucket.go). The values that many invoices have in common are
// stored once, as a shape (shapes.go). An entry is packed only if unpacking gives exactly what was
// there.
//
// An entry that leaves its bucket has a key of its own, with the fields that scripts need and the
// record in pieces. A field that is written later takes precedence over the record. Builds before
// [FormatBuckets] packed entries in this form. Still older builds think that a newer build wrote
// it.

// finalFacts stands in a packed entry in place of the facts. Layout 2 means that the entry is
// packed, so no [Version] may be 2.
const finalFacts = `{"v":2}`

const (
	finalRecord = 2 // the layout of the record itself; 1 is read, too
	// finalPiece is how many bytes of a record one field has: Redis keeps a hash as a listpack
	// while no value is longer than 64.
	finalPiece = 63
	// finalPieces bounds a record. An entry with a longer one stays as it is.
	finalPieces = 12
	identField  = "i" // digest of the identity in bytes, for the scripts
	headsField  = "k" // which storage keys sealed the texts in the record, for the count of seals
)

var errRecord = errors.New("the record cannot be decoded")

// Bits of a record.
const (
	bitChosen = 1 << iota
	bitOffline
	bitAttachment
	bitOverflow
	bitRecovered
	bitBodyArchived
	bitNumberOfNIP // the KSeF number begins with the seller's NIP, which is left out
	bitUPOOfShape  // the address of the receipt is that of the shape, with the session's name in it
	bitTroubled    // Resends, FailedSessions and Denied follow; otherwise they are zero

	usualBits = bitNumberOfNIP | bitUPOOfShape // stored inverted, because they are set in most records
)

// pieceFields are the fields of an entry that have the pieces of a record, in order.
var pieceFields = func() (names []string) {
	for k := range finalPieces {
		names = append(names, strconv.Itoa(k))
	}
	return names
}()

// packFinal returns the record of an invoice as it is stored, and the shape that it has. Texts are
// sealed already.
func packFinal(i *Invoice, shapes *writtenShapes) ([]byte, *knownShape, error) {
	s := shapeOf(i)
	shape, err := shapes.of(s)
	if err != nil {
		return nil, nil, err
	}
	return appendRecord(nil, i, string(shapeDigest(shape.text)), s.UPO != ""), shape, nil
}

// appendRecord appends the record of an invoice whose shape has this digest. ofShape says that the
// shape has the address of the receipt.
func appendRecord(b []byte, i *Invoice, shape string, ofShape bool) []byte {
	number, ofNIP := numberIn(i.NIP, i.KsefNumber)
	bits := bitIf(i.Chosen, bitChosen) | bitIf(i.Offline, bitOffline) | bitIf(i.Attachment, bitAttachment) |
		bitIf(i.Overflow, bitOverflow) | bitIf(i.Recovered, bitRecovered) | bitIf(i.BodyArchived, bitBodyArchived) |
		bitIf(ofShape, bitUPOOfShape) | bitIf(ofNIP, bitNumberOfNIP) |
		bitIf(i.Resends != 0 || i.FailedSessions != 0 || i.Denied != 0, bitTroubled)
	b = append(append(b, finalRecord), shape...)
	b = binary.AppendUvarint(b, bits^usualBits)
	for _, n := range [...]int64{int64(i.Revision), int64(i.CreatedAt), i.Size, int64(i.Attempts), int64(i.Code)} {
		b = binary.AppendVarint(b, n)
	}
	if bits&bitTroubled != 0 {
		for _, n := range [...]int64{int64(i.Resends), int64(i.FailedSessions), int64(i.Denied)} {
			b = binary.AppendVarint(b, n)
		}
	}
	for _, t := range [...]Millis{i.SoftDeadline, i.Deadline, i.UpdatedAt, i.AcceptedAt} {
		b = appendTime(b, i.CreatedAt, t)
	}
	for _, w := range [...]string{i.Hash, i.Number, i.IssueDate, number, i.Session, i.Package} {
		b = appendWord(b, w)
	}
	rare, which := rareTexts(i), uint64(0)
	for k, text := range rare {
		if *text != "" && (k > 0 || !ofShape) {
			which |= 1 << k
		}
	}
	b = binary.AppendUvarint(b, which)
	for k, text := range rare {
		if which&(1<<k) != 0 {
			b = appendWord(b, *text)
		}
	}
	return b
}

func bitIf(on bool, bit uint64) uint64 {
	if on {
		return bit
	}
	return 0
}

// rareTexts are the texts that most receipted invoices lack. They are in the order of the record.
func rareTexts(i *Invoice) [11]*string {
	return [11]*string{&i.UPO, &i.File, &i.Ref, &i.Reason, &i.Reference, &i.LeftSession, &i.OriginalNumber, &i.OriginalSession,
		&i.OriginalBy, &i.TakenBack, &i.BodySeal}
}

// unpackFinal reads a record into an empty entry. shape is the shape of the record, nil if it is
// unknown. State and revision are outside the record, as fields of the entry.
func (i *Invoice) unpackFinal(id string, record []byte, shape *knownShape) error {
	if shape == nil && len(record) >= 1+shapeSize {
		return fmt.Errorf("%w: %w", errDamaged, errNoShape)
	}
	if len(record) < 1+shapeSize || record[0] == 0 || record[0] > finalRecord || shape.err != nil {
		return fmt.Errorf("%w: %w", errDamaged, errRecord)
	}
	s := &shape.shape
	r := recordReader{b: record[1+shapeSize:]}
	bits := r.uvarint()
	i.V, i.ID = Version, id
	if record[0] == 1 {
		r.numbersOfOldRecord(i)
	} else {
		bits ^= usualBits
		r.numbers(i, bits)
	}
	i.Chosen, i.Offline, i.Attachment = bits&bitChosen != 0, bits&bitOffline != 0, bits&bitAttachment != 0
	i.Overflow, i.Recovered, i.BodyArchived = bits&bitOverflow != 0, bits&bitRecovered != 0, bits&bitBodyArchived != 0
	s.onto(i)
	for _, w := range [...]*string{&i.Hash, &i.Number, &i.IssueDate, &i.KsefNumber, &i.Session, &i.Package} {
		*w = r.word()
	}
	if bits&bitNumberOfNIP != 0 {
		i.KsefNumber = i.NIP + i.KsefNumber
	}
	which := r.uvarint()
	for k, text := range rareTexts(i) {
		if which&(1<<k) != 0 {
			*text = r.word()
		}
	}
	if bits&bitUPOOfShape != 0 {
		i.UPO = strings.Replace(s.UPO, sessionHere, i.Session, 1)
	}
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("%w: %w", errDamaged, errRecord)
	}
	if i.Number == "" { // it is a field of the entry
		return nil
	}
	return ofAnother(id, i)
}

// finalRecordIn puts the pieces of a record together; nil if the entry is not packed.
func finalRecordIn(facts string, piece func(k int) string) []byte {
	if facts != finalFacts {
		return nil
	}
	b := make([]byte, 0, 3*finalPiece) // most records have three pieces
	for k := range finalPieces {
		p := piece(k)
		b = append(b, p...)
		if len(p) < finalPiece {
			break
		}
	}
	return b
}

// identBytes is the digest of an invoice's identity as a packed entry has it.
func identBytes(i *Invoice) []byte {
	raw, _ := idEncoding.DecodeString(Identity{i.NIP, i.Kind, i.Number}.digest()) // it has just been encoded
	return raw
}

// piecesOf cuts a record into pieces. The last one is shorter than the others, perhaps empty.
func piecesOf(record []byte) []string {
	var out []string
	for p := range slices.Chunk(record, finalPiece) {
		out = append(out, string(p))
	}
	if len(record)%finalPiece == 0 {
		out = append(out, "")
	}
	return out
}

// sessionHere stands for the name of the session in the address that a shape has.
const sessionHere = "\x00"

// numberIn drops the NIP at the start of a KSeF number, if the rest has the form of the word
// wordNumber.
func numberIn(nip, number string) (short string, dropped bool) {
	if rest, ok := strings.CutPrefix(number, nip); ok && numberForm.MatchString(rest) {
		return rest, true
	}
	return number, false
}
