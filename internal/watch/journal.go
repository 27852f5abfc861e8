package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
)

// journalDir has a record for each file that is followed, and the lock of the folder.
const (
	journalDir = ".ksef"
	lockName   = journalDir + "/lock"
)

// file is one file that was handed in and is followed.
type file struct {
	name  string // below its place
	id    string // of its invoice
	place string
	state string // of the invoice, as its result on disk has it; "" when that has to be written
	rev   int64
	saved bool // its record is on disk
}

// record is a file as it is kept. Names may be any bytes, so Name is Base64.
type record struct {
	Version int    `json:"v"`
	File    string `json:"file"` // for people
	Name    []byte `json:"name"`
	ID      string `json:"id"`
	Place   string `json:"place"`
	State   string `json:"state"`
	Rev     int64  `json:"rev"`
}

func recordName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return path.Join(journalDir, hex.EncodeToString(sum[:16])+".json")
}

// save writes the record of a file. The record may reach the disk later. Without it the file is
// handed in again, which does no harm.
func (j *journal) save(f *file) error {
	err := j.disk.write(recordName(f.name), marshal(record{1, f.name, []byte(f.name), f.id, f.place, f.state, f.rev}), false)
	f.saved = err == nil
	return err
}

// forget removes the record of a file and stops following the file. After an error the file is
// still followed.
func (j *journal) forget(f *file) error {
	err := j.disk.remove(recordName(f.name))
	if err == nil {
		delete(j.files, f.name)
	}
	return err
}

// read reads the records that an earlier watch has left. An unreadable record is left out, because
// a file in taken/ without a record is handed in again.
func (j *journal) read() error {
	entries, err := j.disk.list(journalDir)
	if err != nil {
		return fmt.Errorf("read the records of the watch: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || !isJSON(e.Name()) {
			continue
		}
		if err := j.restore(path.Join(journalDir, e.Name())); err != nil {
			j.o.Log.Warn().Err(err).Str("record", e.Name()).
				Msg("a record of the watch cannot be read: the file is handed in again if it is in taken")
		}
	}
	return nil
}

// restore goes on following the file of a record.
func (j *journal) restore(name string) error {
	var r record
	if err := j.disk.readRecord(name, &r); err != nil {
		return err
	}
	if r.Version != 1 || r.ID == "" || recordName(string(r.Name)) != name {
		return errNotRecord
	}
	f := &file{name: string(r.Name), id: r.ID, place: r.Place, state: r.State, rev: r.Rev, saved: true}
	if !j.disk.exists(f.place + "/" + f.name) {
		// A process was killed after it moved the file and before it wrote the record again, or a
		// person has moved or removed the file.
		f.place, f.state = "", ""
		for _, place := range places {
			if j.disk.exists(place + "/" + f.name) {
				f.place = place
			}
		}
		if f.place == "" || f.place == refused {
			return j.forget(f)
		}
	}
	j.files[f.name] = f
	return nil
}
