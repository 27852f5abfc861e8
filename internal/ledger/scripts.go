package ledger

import (
	"context"
	"embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Each verb is one file of lua/, and says there what it is given and what it answers. entries.lua
// is put before every one of them: it reads and writes entries and keeps the indexes in step.
//
//go:embed lua/*.lua
var luaFiles embed.FS

// scripts holds every verb by its name, which is that of its file.
var scripts = map[string]*redis.Script{}

var (
	// Of invoices.
	moveScript        = script("move")
	sendScript        = script("send")
	nextScript        = script("next")
	withoutTaskScript = script("without_task")
	keptScript        = script("kept")
	changedScript     = script("changed")
	saidScript        = script("said")    // of packages too
	reindexScript     = script("reindex") // of packages too
	resizeScript      = script("resize")
	seenScript        = script("seen") // of refusals too

	// Of packages.
	cutScript     = script("cut")
	openScript    = script("open")
	packageScript = script("package")
	repackScript  = script("repack")

	// Of what has ended.
	compactScript  = script("compact")
	finalsScript   = script("finals")
	thawScript     = script("thaw")
	pruneScript    = script("prune")
	forgetScript   = script("forget")
	shedScript     = script("shed")
	noteShedScript = script("note_shed")
	restoreScript  = script("restore")

	// Of those who are told what became of invoices.
	leaseScript = script("lease")
	sinkScript  = script("sink")

	// Of documents' seals.
	declareScript = script("declare")
	tallyScript   = script("tally")
	resealScript  = script("reseal")

	// Of tenants, workers and the ledger as a whole.
	tenantScript = script("tenant")
	holdScript   = script("hold")
	beatScript   = script("beat")
	fenceScript  = script("fence")
	homeScript   = script("home")
	rightsScript = script("rights")
)

// script makes the verb of one file. A file that is missing is a mistake of the build.
func script(name string) *redis.Script {
	var parts [2]string
	for i, file := range []string{"entries", name} {
		text, err := luaFiles.ReadFile("lua/" + file + ".lua")
		if err != nil {
			panic(err)
		}
		parts[i] = string(text)
	}
	s := redis.NewScript(fmt.Sprintf("local VERSION, FINAL, BUCKETS = %d, '%s', %d\n", Version, finalFacts, FormatBuckets) + parts[0] + parts[1])
	scripts[name] = s
	return s
}

// ScriptHashes returns the SHA-1 of each script by the name of its verb, as Redis's SLOWLOG and
// MONITOR show it.
func ScriptHashes() map[string]string {
	out := make(map[string]string, len(scripts))
	for name, s := range scripts {
		out[name] = s.Hash()
	}
	return out
}

// LoadScripts loads every script into Redis in advance, so that no verb has to be sent twice at its
// first use. Leaving it out costs only that.
func (st *store) LoadScripts(ctx context.Context) error {
	for name, s := range scripts {
		if err := s.Load(ctx, st.rdb).Err(); err != nil {
			return fmt.Errorf("load script %s: %w", name, err)
		}
	}
	return nil
}
