package watch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/rs/zerolog"
)

// journalDir has the lock of the folder, and records. A file has a record when it is followed, or
// when its name is no longer the name that it came with.
const (
	journalDir = ".ksef"
	lockName   = journalDir + "/lock"
)

// file is one file that was handed in and is followed.
type file struct {
	name  string // below its place
	id    string // of its invoice; "" when it is not followed
	told  string // for the log when id is "": the id of its refusal, or of its invoice in the archive
	place string
	state string // the invoice's state, as its result on disk has it; "" when that has to be written
	rev   int64
	saved bool   // its record is on disk
	sum   string // the digest of what was handed in, as sumOf returns it; "" when that is not known
	remarks
}

// named adds the file's id, if it has one, to a line of the log.
func (f *file) named(line *zerolog.Event) {
	if id := cmp.Or(f.id, f.told); id != "" {
		line.Str("id", id)
	}
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
	// Given is the name that the other program gave a file or an archive, if it has another name
	// now. A record that has Given and no ID belongs to a file that is not followed yet, or to an
	// archive.
	Given []byte `json:"given,omitempty"`
	Sum   string `json:"sum,omitempty"`
	remarks
}

func recordName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return path.Join(journalDir, hex.EncodeToString(sum[:16])+".json")
}

// save writes the record of a file. The record may reach the disk later. Without it the file is
// handed in again, which does no harm.
func (j *journal) save(f *file) error {
	err := j.write(record{
		Name: []byte(f.name), ID: f.id, Place: f.place, State: f.state, Rev: f.rev, Given: []byte(j.given[f.name]),
		Sum: f.sum, remarks: f.remarks,
	}, false)
	f.saved = err == nil
	return err
}

func (j *journal) write(r record, sync bool) error {
	r.Version, r.File = 1, string(r.Name)
	return j.disk.write(recordName(r.File), marshal(r), sync)
}

// named notes the name that the other program gave a file, before the file gets the name own. When
// the two names are the same, it removes what it noted of an earlier file of this name.
func (j *journal) named(own, given string) error {
	if own != given {
		j.given[own] = given
		return j.write(record{Name: []byte(own), Given: []byte(given)}, true)
	}
	if _, noted := j.given[own]; !noted {
		return nil
	}
	delete(j.given, own)
	return j.disk.remove(recordName(own))
}

// unname removes what was noted of the name of a file. An error is only logged.
func (j *journal) unname(own string) {
	if err := j.named(own, own); err != nil {
		j.o.Log.Warn().Err(err).Str("file", own).Msg("the record of a file's name cannot be removed; the next watch removes it")
	}
}

// forget removes the record of a file and stops following the file. A file in taken/ is handed in
// again, so its given name stays on record. After an error the file is still followed.
func (j *journal) forget(f *file) error {
	// The XML of the file is moved back, and used again, because other XML would be another
	// document.
	if beside := taken + "/" + f.name + xmlEnd; f.place == taken && isJSON(f.name) && f.sum != "" && j.disk.exists(beside) {
		if err := j.disk.move(beside, madeName(f.name, f.sum)); err != nil {
			return err
		}
	}
	var err error
	if given, other := j.given[f.name]; other && f.place == taken {
		err = j.named(f.name, given)
	} else if err = j.disk.remove(recordName(f.name)); err == nil {
		delete(j.given, f.name)
	}
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
	for name := range j.given {
		if j.files[name] == nil && !j.needsName(name) {
			j.unname(name)
		}
	}
	return nil
}

// needsName reports whether the given name of a file or an archive is still needed although the
// file or archive is not followed. The name of an archive is needed as long as it is being
// unpacked, or one of its invoices is followed or in taken/.
func (j *journal) needsName(name string) bool {
	if j.disk.exists(taken + "/" + name) {
		return true
	}
	for followed := range j.files {
		if strings.HasPrefix(followed, name+"/") {
			return true
		}
	}
	for _, at := range inArchive.FindAllStringIndex(name+"/", -1) {
		if j.disk.exists(unpackedName(name[:at[1]-1]) + resultEnd) {
			return true
		}
	}
	return false
}

// restore goes on following the file of a record.
func (j *journal) restore(name string) error {
	var r record
	if err := j.disk.readRecord(name, &r); err != nil {
		return err
	}
	if r.Version != 1 || r.ID == "" && len(r.Given) == 0 || recordName(string(r.Name)) != name {
		return errNotRecord
	}
	if len(r.Given) > 0 {
		j.given[string(r.Name)] = string(r.Given)
	}
	if r.ID == "" {
		return nil
	}
	f := &file{name: string(r.Name), id: r.ID, place: r.Place, state: r.State, rev: r.Rev, saved: true, sum: r.Sum, remarks: r.remarks}
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
