package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"ksefworker/internal/intake"
)

// of returns what is handed in for a file in taken/: its bytes, or the XML that was made of an
// invoice that is JSON. That XML stays beside the file and is used again, because another XML would
// be another document.
func (d *documents) of(ctx context.Context, name, tenant string) ([]byte, error) {
	raw, err := d.readTaken(taken + "/" + name)
	if err != nil || !isJSON(name) {
		return raw, err
	}
	beside := taken + "/" + name + xmlEnd
	if made, err := d.readTaken(beside); !errors.Is(err, fs.ErrNotExist) {
		return made, err
	}
	if err := intake.CheckJSON(raw); err != nil {
		return nil, err
	}
	made, err := d.generate(ctx, name, tenant, inner(raw))
	if err != nil {
		return nil, err
	}
	if err := d.disk.write(beside, made, true); err != nil {
		return nil, &waits{"the XML that was made of it cannot be written: " + fault(err)}
	}
	return made, nil
}

// generate asks the gateway for the XML of an invoice. When it cannot be asked for a tenant, no
// other invoice of this tenant is tried in the same pass, because each try may take as long as the
// gateway's time-out.
func (d *documents) generate(ctx context.Context, name, tenant string, faktura []byte) ([]byte, error) {
	sender := d.o.Sender(tenant, faktura)
	if err := d.down[sender]; err != nil {
		return nil, err
	}
	made, err := d.o.Generate(ctx, tenant, faktura)
	if _, unsure := errors.AsType[*intake.UnsureError](err); unsure && sender != "" {
		d.down[sender], d.failed[name] = err, d.o.Now()
	}
	return made, err
}

// inTurn begins a pass. It puts the files first whose XML was not asked for in vain, or longest
// ago. So a file that the gateway never answers about does not hold up the others of its tenant.
func (d *documents) inTurn(names []string) {
	d.down = map[string]error{}
	slices.SortStableFunc(names, func(a, b string) int { return d.failed[a].Compare(d.failed[b]) })
}

// readTaken returns [fs.ErrNotExist] when there is no such file.
func (d *documents) readTaken(path string) ([]byte, error) {
	raw, whole, err := d.disk.read(path, d.o.MaxDocument)
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
