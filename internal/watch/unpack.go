package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/intake"
)

// An archive in taken/ is taken apart as a whole, before any invoice of it is handed in:
//
//  1. its entries are written into a folder of .ksef/unpacked, beside a record of the archive's
//     name; the folder's name loses its ending .part when the folder is whole;
//  2. the archive goes to unpacked/, where it stays;
//  3. the folder goes to taken/, under the name of the archive, and its files are like all others.
//
// A process that is killed before step 2 leaves the archive in taken/, and the next process begins
// again. A process that is killed after step 2 leaves the record, and the next process goes on.
//
// An entry that is refused, for example because it is not an invoice, has its result in refused/.
// An archive is refused as a whole if it cannot be read, has too many entries, or unpacks to too
// much. It is also refused if it has nothing besides folders and hidden files, or if one of its
// names is absolute or leads out of it.
const (
	unpackedDir = journalDir + "/unpacked"
	zipEnd      = ".zip"
	partEnd     = ".part"
)

// pending is the record of an archive that is being taken apart.
type pending struct {
	Version int    `json:"v"`
	File    string `json:"file"` // for people
	Name    []byte `json:"name"` // path below taken/; a name may be any bytes
}

func unpackedName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return path.Join(unpackedDir, hex.EncodeToString(sum[:16]))
}

// unpackAll takes every archive in taken/ apart. It returns how long to wait before it is called
// again.
func (up *unpacker) unpackAll(ctx context.Context, now time.Time) time.Duration {
	up.finish()
	next := never
	for _, name := range up.archives() {
		if ctx.Err() != nil {
			return next
		}
		if a, waits := up.submitter.retry[name]; waits && now.Before(a.next) {
			up.problem(taken+"/"+name, a.why)
			next = min(next, a.next.Sub(now))
			continue
		}
		delete(up.submitter.retry, name)
		if err := up.unpack(ctx, name); err != nil && ctx.Err() == nil {
			why, ok := waitsFor(err)
			if !ok {
				why = "cannot be unpacked: " + fault(err)
			}
			up.submitter.later(name, why, afterFault)
			next = min(next, afterFault)
		}
	}
	return next
}

// archives lists the archives in taken/.
func (up *unpacker) archives() (names []string) {
	up.disk.walk(taken, func(p string, e fs.DirEntry) {
		if name := strings.TrimPrefix(p, taken+"/"); isZIP(name) && !hidden(path.Base(name)) && e.Type().IsRegular() {
			names = append(names, name)
		}
	}, nil) // the submitter tells of a folder that cannot be read
	slices.Sort(names)
	return names
}

// unpack takes one archive apart. An error comes from the disk, or says that a refusal is not on
// record. The next call then does everything again.
func (up *unpacker) unpack(ctx context.Context, name string) error {
	f, info, err := up.disk.open(taken + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a person has removed it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	into := unpackedName(name)
	err = errors.Join(up.disk.removeAll(into+partEnd), up.disk.removeAll(into))
	if err == nil {
		err = up.disk.write(into+resultEnd, marshal(pending{1, name, []byte(name)}), true)
	}
	if err != nil {
		return err
	}
	es := entries{names: map[string]string{}, folders: map[string]bool{}, twice: map[string]int{}}
	for it := range intake.ReadArchive(ctx, zipEnd, f, info.Size(), intake.Options{MaxDocument: up.o.MaxDocument}) {
		own, found := strings.CutPrefix(it.File, zipEnd+"/")
		if !found {
			return up.refuseAll(ctx, name, it.Err)
		}
		if own = es.add(own, &it); own == "" {
			continue
		}
		if err := up.disk.write(path.Join(into+partEnd, own), it.Data, false); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := up.noteNames(name, &es); err != nil {
		return err
	}
	if len(es.names) > 0 {
		if err := errors.Join(up.disk.sync(), up.disk.move(into+partEnd, into)); err != nil {
			return err
		}
	}
	if err := up.refuseEntries(ctx, name, &es); err != nil {
		return err
	}
	up.endRefusal(ctx, name)
	if err := up.disk.move(taken+"/"+name, unpacked+"/"+name); err != nil {
		return err
	}
	up.o.Log.Info().Str("file", name).Int("invoices", len(es.names)).Int("refused", len(es.refused)).Msg("unpacked")
	up.finish()
	return nil
}

// finish moves unpacked folders to taken/, and then removes the records of their archives.
func (up *unpacker) finish() {
	entries, err := up.disk.list(unpackedDir)
	if err != nil {
		up.problem(unpackedDir, "cannot be read: "+fault(err))
	}
	for _, e := range entries {
		record := path.Join(unpackedDir, e.Name())
		if e.IsDir() || !isJSON(record) {
			continue
		}
		if err := up.finishOne(record); err != nil {
			up.problem(record, "what was unpacked cannot be handed in: "+fault(err))
		}
	}
}

func (up *unpacker) finishOne(record string) error {
	var p pending
	if err := up.disk.readRecord(record, &p); err != nil {
		return err
	}
	if p.Version != 1 || unpackedName(string(p.Name))+resultEnd != record {
		return errNotRecord
	}
	name, from := string(p.Name), unpackedName(string(p.Name))
	if info, err := up.disk.root.Lstat(taken + "/" + name); err == nil && !info.IsDir() {
		return nil // it is unpacked again
	}
	if up.disk.exists(from) {
		if err := up.disk.move(from, taken+"/"+name); err != nil {
			return err
		}
	}
	return errors.Join(up.disk.removeAll(from+partEnd), up.disk.remove(record))
}
