package watch

import (
	"path/filepath"
	"time"
)

// core is what all parts of a [Watcher] share. Each part embeds it.
type core struct {
	o        Options
	disk     *disk
	files    map[string]*file  // the files that are followed, by their name within their place
	given    map[string]string // the names that the other program gave, by the new names (names.go)
	problems map[string]string // why files wait, by path; made again by each pass
}

// The parts, each with the other parts that it calls. A part calls only parts that are listed above
// it.
type (
	// journal keeps the records of what is followed.
	journal struct{ *core }
	// settings reads the files of settings, .ksef.yaml, and answers what applies to a folder.
	settings struct {
		*core
		rules map[string]*setting // the settings of folders, made again by each pass
		keptSettings
	}
	// taker moves files into taken/, under names that are free.
	taker struct {
		*core
		journal *journal
	}
	// finder finds files that are complete.
	finder struct {
		*core
		settings *settings
		taker    *taker
		seen     map[string]sight // files that are not taken yet, by their path below the folder
		folders  []string         // the folders that the last scan went through
	}
	// documents returns the XML that is handed in for a file. For an invoice in JSON, the maker
	// makes the XML.
	documents struct {
		*core
		maker   *maker
		swept   time.Time            // when sweep last read files
		failed  map[string]time.Time // by file: when the last try to make its XML failed
		unsaved unsaved
	}
	// filer moves files to the folder of their outcome, with their result and receipt beside them.
	filer struct {
		*core
		journal *journal
		decided map[string]int // how many files came to each place
	}
	// follower asks the ledger what became of files.
	follower struct {
		*core
		journal *journal
		filer   *filer
		pace    pace
		rare    time.Time         // when all files that are followed are looked up again
		why     map[string]string // why files waited when the ledger was last asked, by path
	}
	// submitter hands files in.
	submitter struct {
		*core
		settings  *settings
		documents *documents
		filer     *filer
		journal   *journal
		follower  *follower
		retry     map[string]attempt // files that could not be handed in or unpacked, by name
		sums      map[string]string  // digests of the files that are being handed in, by name
		due       time.Time          // when files are handed in next, after nothing could be taken
		why       string             // the reason why nothing could be taken
	}
	// unpacker takes archives apart.
	unpacker struct {
		*core
		journal   *journal
		filer     *filer
		submitter *submitter
	}
	// waitingNote tells people what waits, and why.
	waitingNote struct {
		*core
		told map[string]string // the problems of the pass before, for the log
	}
)

// attempt is a file that is tried again later.
type attempt struct {
	why  string
	next time.Time
}

func newParts(c *core) *Watcher {
	j, rules := &journal{c}, &settings{core: c, keptSettings: keptSettings{kept: map[string]string{}}}
	fl := &filer{core: c, journal: j, decided: map[string]int{}}
	fo := &follower{core: c, journal: j, filer: fl}
	sm := &submitter{
		core: c, settings: rules, documents: &documents{core: c, maker: newMaker(c), failed: map[string]time.Time{}, unsaved: unsaved{}},
		filer: fl, journal: j, follower: fo, retry: map[string]attempt{}, sums: map[string]string{},
	}
	return &Watcher{
		core: c, journal: j, settings: rules, follower: fo, Decided: fl.decided,
		finder:    &finder{core: c, settings: rules, taker: &taker{c, j}, seen: map[string]sight{}},
		unpacker:  &unpacker{core: c, journal: j, filer: fl, submitter: sm},
		submitter: sm,
		note:      &waitingNote{core: c, told: map[string]string{}},
	}
}

// path returns the path of a file as the other program knows it.
func (c *core) path(name string) string { return filepath.Join(c.o.Dir, filepath.FromSlash(name)) }

func (c *core) problem(path, why string) { c.problems[path] = why }
