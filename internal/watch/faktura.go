package watch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/intake"
)

// errOrdered says that XML is being made of a file.
var errOrdered = errors.New("its XML is ordered")

// of returns what is handed in for a file in taken/: its bytes or, when the invoice is JSON, the
// XML that was made of it. sum is the digest of the file's bytes. The XML is kept and used again,
// because another XML would be another document. While it is being made, the error is errOrdered.
func (d *documents) of(name, tenant string) (doc []byte, sum string, err error) {
	if isJSON(name) && d.maker.waits(name) {
		return nil, "", errOrdered
	}
	raw, err := d.disk.readTaken(name, d.o.MaxDocument)
	if err != nil {
		return nil, "", err
	}
	sum = sumOf(raw)
	if !isJSON(name) {
		return raw, sum, nil
	}
	doc, err = d.made(order{name, tenant, sum}, raw)
	return doc, sum, err
}

// made returns the XML that was made of a file. If there is none, it orders the XML.
func (d *documents) made(o order, raw []byte) ([]byte, error) {
	at := madeName(o.name, o.sum)
	// The record of a file can get lost after the file's XML was moved beside the file. In that
	// case the XML is moved back to madeDir, and used again.
	if beside := taken + "/" + o.name + xmlEnd; d.disk.exists(beside) {
		if err := d.disk.move(beside, at); err != nil {
			return nil, &waits{"the XML that was made of it cannot be moved: " + fault(err)}
		}
	}
	xml, whole, err := d.disk.read(at, d.o.MaxDocument)
	switch {
	case err == nil && whole:
		return xml, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, &waits{"the XML that was made of it cannot be read: " + fault(err)}
	}
	made, ok := d.unsaved.take(o)
	if !ok {
		made, ok = d.maker.collect(o)
	}
	if !ok {
		return nil, d.order(o, raw)
	}
	if _, unsure := errors.AsType[*intake.UnsureError](made.err); unsure && made.asked {
		d.failed[o.name] = d.o.Now()
	}
	if made.err != nil {
		return nil, made.err
	}
	if err := d.disk.write(at, made.xml, true); err != nil {
		d.unsaved.keep(made)
		return nil, &waits{"the XML that was made of it cannot be written: " + fault(err)}
	}
	return made.xml, nil
}

// unsaved is XML that could not be written, by file. On a full disk the gateway would otherwise be
// asked for it again and again. It holds at most [chunkBytes] of XML. More is not kept.
type unsaved map[string]making

func (u unsaved) keep(k making) {
	size := len(k.xml)
	for _, other := range u {
		size += len(other.xml)
	}
	if size <= chunkBytes {
		u[k.name] = k
	}
}

// take removes and returns the XML of an order. It returns false when there is none. XML of another
// tenant or another content is dropped.
func (u unsaved) take(o order) (making, bool) {
	found, ok := u[o.name]
	delete(u, o.name)
	return found, ok && found.order == o
}

// madeDir has the XML that was made of files that are not handed in yet. When a file is handed in,
// its XML moves beside it.
const madeDir = journalDir + "/xml"

// madeName returns where the XML that was made of a file is. Each content of the file has a place
// of its own, because a person may replace the file.
func madeName(name, sum string) string {
	return madeDir + "/" + sumOf([]byte(name)) + "-" + sum + xmlEnd
}

// sumOf returns a digest of data in a form that can be part of a file's name.
func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// sweepEvery is how often the watch looks for XML that is no longer needed. Such XML does no harm
// meanwhile.
const sweepEvery = time.Minute

// sweep removes the XML of files that a person has removed from taken/ or replaced there. The keys
// of the argument there are the names of the files in taken/.
func (d *documents) sweep(there map[string]bool) {
	entries, err := d.disk.list(madeDir)
	switch now := d.o.Now(); {
	case err != nil: // most often there is no such folder
		return
	case len(entries) == 0:
		_ = d.disk.root.Remove(madeDir)
		return
	case now.Sub(d.swept) < sweepEvery: // a sweep reads all files that have XML
		return
	default:
		d.swept = now
	}
	names := map[string]string{}
	for name := range there {
		names[sumOf([]byte(name))] = name
	}
	for _, e := range entries {
		of, sum, _ := strings.Cut(strings.TrimSuffix(e.Name(), xmlEnd), "-")
		if name, ok := names[of]; ok && d.is(name, sum) {
			continue
		}
		if err := d.disk.remove(madeDir + "/" + e.Name()); err != nil {
			d.o.Log.Warn().Err(err).Str("file", madeDir+"/"+e.Name()).Msg("XML that is not needed any more cannot be removed")
		}
	}
}

// is reports whether a file in taken/ has the content with this sum. When the file is there but
// cannot be read, is returns true.
func (d *documents) is(name, sum string) bool {
	raw, err := d.disk.readTaken(name, d.o.MaxDocument)
	return err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && sumOf(raw) == sum
}

// order orders the XML of a file and returns errOrdered. When the file cannot be used, it orders
// nothing and returns the reason.
func (d *documents) order(o order, raw []byte) error {
	if err := intake.CheckJSON(raw); err != nil {
		return err
	}
	d.maker.ask(d.o.Sender(o.tenant, inner(raw)), o)
	return errOrdered
}

// inTurn sorts the files by the time of the last call to the gateway that failed to make their XML.
// Files without such a time come first. So a file that the gateway never answers about does not
// hold up the others of its tenant.
func (d *documents) inTurn(names []string) {
	slices.SortStableFunc(names, func(a, b string) int { return d.failed[a].Compare(d.failed[b]) })
}

// readTaken reads a file in taken/ of at most limit bytes, or limit+1 bytes of a larger one. It
// returns [fs.ErrNotExist] when there is no such file.
func (d *disk) readTaken(name string, limit int64) ([]byte, error) {
	raw, whole, err := d.read(taken+"/"+name, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case err != nil:
		return nil, &waits{"cannot be read: " + fault(err)}
	case !whole:
		return nil, &waits{"is still being written by the program that put it here"}
	}
	return raw, nil
}

// inner returns the invoice inside {"faktura": {…}}, the form that the HTTP interface takes. It
// returns any other text as it is, but without a byte order mark.
func inner(raw []byte) []byte {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	var wrapped map[string]json.RawMessage
	if err := json.Unmarshal(raw, &wrapped); err == nil && len(wrapped) == 1 && len(wrapped["faktura"]) > 0 {
		return wrapped["faktura"]
	}
	return raw
}

// waits is why a file is not handed in now. Nothing is wrong with its document.
type waits struct{ why string }

func (e *waits) Error() string { return e.why }
