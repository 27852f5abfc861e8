package chaos

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"time"
)

// drop is one file that the exporter writes into the watched folder.
type drop struct {
	at   time.Duration // from the beginning of the run
	item *item
	// path is the file in the watched folder. The watch unpacks an archive into a folder that has
	// the archive's name, and the path of a zipped file leads into that folder.
	path string
	how  string
	// back is how long a writer that was killed stays away. After that, the writer writes the file
	// again, whole.
	back time.Duration
	// torn is the path of another file, which stays cut off, because its writer is killed in the
	// middle and does not write it again. "" means that there is no such file.
	torn string
}

// The ways in which the exporter writes a file.
const (
	renamed = "renamed" // under another name first
	slowly  = "slowly"  // in place, piece by piece
	killed  = "killed"  // in place, by a process that is killed in the middle
	zipped  = "zipped"  // in an archive, which is renamed
)

const (
	oneInFolder = 4 // one delivery in this many goes through the folder
	oneInTorn   = 12
	oneInZIP    = 3 // one renamed file in this many is in a ZIP
)

// chooseRoutes decides which deliveries go through the watched folder; the others are handed in by
// calls. These dice do not draw the invoices, so the choice of routes does not change which
// invoices a seed gives. The folder checks the schema and refuses a bad invoice. In a call that
// check is switched off, and KSeF rejects the invoice. A bad invoice that is handed in twice takes
// the same route both times, because otherwise it would have two different ends.
func (e *export) chooseRoutes(o Options, dice *rand.Rand) {
	rest := e.deliveries[:0:0]
	chosen := map[*item]bool{}
	for _, d := range e.deliveries {
		byFolder := dice.IntN(oneInFolder) == 0
		again := false
		if one := d.items[0]; len(d.items) == 1 {
			was, known := chosen[one]
			if again = known; known && one.bad {
				byFolder = was
			}
		}
		for _, it := range d.items {
			if _, known := chosen[it]; !known {
				chosen[it] = byFolder
				it.refused = byFolder && it.bad
			}
		}
		if !byFolder {
			rest = append(rest, d)
			continue
		}
		for _, it := range d.items {
			e.drops = append(e.drops, o.newDrop(d, it, again, dice))
		}
	}
	e.deliveries = rest
}

func (o Options) newDrop(d delivery, it *item, again bool, dice *rand.Rand) drop {
	dir := string(d.lane) // its .ksef.yaml names the lane
	switch {
	case again:
		dir = path.Join(dir, fmt.Sprintf("again-%d", d.at.Milliseconds()))
	case dice.IntN(2) == 0:
		dir = path.Join(dir, "branch "+it.nip)
	}
	out := drop{at: d.at, item: it, path: path.Join(dir, it.doc.File), how: renamed}
	switch dice.IntN(5) {
	case 0:
		out.how = slowly
	case 1:
		out.how, out.back = killed, time.Duration(200+dice.IntN(1300))*time.Millisecond
	}
	if dice.IntN(oneInZIP) == 0 && out.how == renamed {
		out.how, out.path = zipped, path.Join(dir, it.doc.File+".zip", it.doc.File)
	}
	if dice.IntN(oneInTorn) == 0 && d.at < o.Feed/2 { // the watch waits long before it takes such a file
		out.torn = path.Join(dir, "torn-"+it.doc.File)
	}
	return out
}

// file returns the path of the file that is written, and what is written.
func (d *drop) file() (name string, data []byte) {
	if d.how != zipped {
		return d.path, d.item.doc.Data
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	if w, err := z.Create(path.Base(d.path)); err == nil { // a buffer takes everything
		_, _ = w.Write(d.item.doc.Data)
	}
	_ = z.Close()
	return path.Dir(d.path), archive.Bytes()
}
