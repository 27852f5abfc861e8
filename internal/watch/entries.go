package watch

import (
	"context"
	"fmt"
	"path"
	"strings"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// maxEntryName bounds the name of an entry with its folders, in bytes.
const maxEntryName = 1000

// entries holds the entries of an archive: the names of the entries that are taken, and the entries
// that are refused.
type entries struct {
	names   map[string]string // the name that an entry has in the archive, by the name that it gets
	folders map[string]bool
	twice   map[string]int // by name: how many other names were made from it, as name~2, name~3
	refused []intake.Item
}

// add returns the name that an entry gets. It returns "" for a refused entry, whose Err has the
// reason.
func (es *entries) add(name string, it *intake.Item) string {
	own := ""
	switch {
	case it.Err != nil:
	case len(name) > maxEntryName:
		it.Err = &intake.Problem{What: fmt.Sprintf("has a name of more than %d bytes", maxEntryName), Hint: "give it a shorter one"}
	default:
		own = es.free(entryName(name))
		clash := false
		for dir := path.Dir(own); dir != "." && !clash; dir = path.Dir(dir) {
			clash = es.has(dir)
		}
		if clash {
			it.Err = &intake.Problem{What: "is in a folder that has the name of an earlier entry", Hint: "give the folder another name"}
		}
	}
	if it.Err != nil {
		es.refused = append(es.refused, *it)
		return ""
	}
	es.names[own] = path.Clean(name)
	for dir := path.Dir(own); dir != "."; dir = path.Dir(dir) {
		es.folders[dir] = true
	}
	return own
}

// free returns a name that no entry or folder has. Two entries of an archive may have the same
// name.
func (es *entries) free(own string) string {
	dir, base := path.Split(own)
	stem, ext := shortened(base)
	try := own
	for es.has(try) || es.folders[try] {
		es.twice[own]++ // kept for the next entry of this name, because thousands may have it
		try = fmt.Sprintf("%s%s~%d%s", dir, stem, es.twice[own]+1, ext)
	}
	return try
}

func (es *entries) has(own string) bool { return es.names[own] != "" }

// noteNames notes the original names of those entries of an archive that get other names.
func (up *unpacker) noteNames(archive string, es *entries) error {
	for own, entry := range es.names {
		given := archive + "/" + own // then journal.named notes nothing, because core.original needs only the given name of the archive
		if own != entry {
			given = up.original(archive) + "/" + entry
		}
		if err := up.journal.named(archive+"/"+own, given); err != nil {
			return err
		}
	}
	return nil
}

// refuseEntries puts the refused entries on record, and writes their results. The results go to
// refused/ below the name of the archive, under names that no invoice of the archive has. The
// entries themselves stay in the archive.
func (up *unpacker) refuseEntries(ctx context.Context, name string, es *entries) error {
	all, asked := make([]intake.Admission, len(es.refused)), up.asked(name)
	entry := func(it *intake.Item) string { return strings.TrimPrefix(it.File, zipEnd+"/") }
	for i, it := range es.refused {
		file := up.path(up.original(name)) + "/" + entry(&it)
		all[i] = intake.Admission{File: file, Taken: ledger.Refused, Err: it.Err, Asked: asked}
	}
	if err := up.submitter.record(ctx, all); err != nil {
		return err
	}
	told := map[string]bool{}
	for i, it := range es.refused {
		own := entry(&it)
		free := strings.ReplaceAll(entryName(own[:min(len(own), maxEntryName)]), "/", "~")
		if hidden(free) {
			free = "~" + free // so that people see its result
		}
		for n, stem := 2, free; es.has(free) || es.folders[free+resultEnd] || told[free]; n++ {
			free = fmt.Sprintf("%s~%d", stem, n)
		}
		told[free] = true
		beside := path.Join(refused, name, free)
		out := outcome{Result: results.Result{
			ID: all[i].Refusal, File: all[i].File, Tenant: asked, State: results.Refused, Reason: intake.OneLine(it.Err),
		}}
		out.Recorded(all[i].RefusedAt)
		if err := up.disk.write(beside+resultEnd, marshal(out), true); err != nil {
			return err
		}
		up.filer.decided[refused]++
	}
	return nil
}
