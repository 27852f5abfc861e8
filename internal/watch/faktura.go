package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"ksefworker/internal/intake"
)

// errOrdered says that XML is being made of a file.
var errOrdered = errors.New("its XML is ordered")

// of returns what is handed in for a file in taken/: its bytes, or the XML that was made of an
// invoice that is JSON. That XML stays beside the file and is used again, because another XML would
// be another document. While it is being made, the error is errOrdered.
func (d *documents) of(name, tenant string) ([]byte, error) {
	if !isJSON(name) {
		return d.disk.readTaken(name, d.o.MaxDocument)
	}
	if d.maker.waits(name) {
		return nil, errOrdered
	}
	if made, err := d.disk.readTaken(name+xmlEnd, d.o.MaxDocument); !errors.Is(err, fs.ErrNotExist) {
		return made, err
	}
	wanted := order{name, tenant}
	made, ok := d.maker.collect(wanted)
	if !ok {
		return nil, d.order(wanted)
	}
	if _, unsure := errors.AsType[*intake.UnsureError](made.err); unsure && made.asked {
		d.failed[name] = d.o.Now()
	}
	if made.err != nil {
		return nil, made.err
	}
	if err := d.disk.write(taken+"/"+name+xmlEnd, made.xml, true); err != nil {
		return nil, &waits{"the XML that was made of it cannot be written: " + fault(err)}
	}
	return made.xml, nil
}

// order has the XML of a file made, unless the file cannot be used.
func (d *documents) order(o order) error {
	raw, err := d.disk.readTaken(o.name, d.o.MaxDocument)
	if err == nil {
		err = intake.CheckJSON(raw)
	}
	if err != nil {
		return err
	}
	d.maker.ask(d.o.Sender(o.tenant, inner(raw)), o)
	return errOrdered
}

// inTurn puts the files first whose XML was not asked for in vain, or longest ago. So a file that
// the gateway never answers about does not hold up the others of its tenant.
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

// inner returns the invoice of {"faktura": {…}}, as the HTTP interface has it, and everything else
// as it is, but without a byte order mark.
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
