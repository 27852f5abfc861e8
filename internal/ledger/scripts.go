package ledger

import (
	"context"
	"embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// A verb is one operation of the ledger in Redis, and has one file in lua/. The comment at the
// start of the file says what the verb is given and what it answers. The Go function script puts
// outbox.lua and entries.lua before the text of the file, and makes the text a Lua function named
// verb. entries.lua reads and writes entries, and keeps the indexes in step. The Lua function
// finish in entries.lua calls the verb.
//
//go:embed lua/*.lua
var luaFiles embed.FS

// scripts holds every verb by its name, which is the name of its file.
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

	// Of sinks, which receive outcomes.
	leaseScript  = script("lease")
	sinkScript   = script("sink")
	rejoinScript = script("rejoin")
	tellScript   = known("tell", outboxLua+luaFile("tell"))

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

	// Of many tenants or waiting sets at once; they only read.
	waitsScript   = reading("waits")
	tenantsScript = reading("tenants")
)

// outboxLua keeps outcomes, for every script that writes some.
var outboxLua = fmt.Sprintf("local LOST_KEPT = %d\n", int(failedKept.Seconds())) + luaFile("outbox")

// script makes the verb of one file.
func script(name string) *redis.Script {
	names := fmt.Sprintf("local VERSION, FINAL, PIECE, BUCKETS = %d, '%s', %d, %d\n", Version, finalFacts, finalPiece, FormatBuckets)
	return known(name, names+outboxLua+luaFile("entries")+"local function verb()\n"+luaFile(name)+"end\nreturn finish(verb)\n")
}

// reading makes a verb that only reads. It does not put entries.lua before the file, because
// entries.lua begins with a write. So the verb works on a replica too. The verb gets the prefix and
// its own arguments, but not the argument "now,outbox" that other verbs get (see the method args).
func reading(name string) *redis.Script { return known(name, luaFile(name)) }

func known(name, source string) *redis.Script {
	s := redis.NewScript(source)
	scripts[name] = s
	return s
}

// luaFile returns the text of a file. A missing file is a mistake of the build.
func luaFile(name string) string {
	text, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err)
	}
	return string(text)
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

// LoadScripts loads every script into Redis in advance. Otherwise each verb would be sent twice at
// its first use.
func (st *store) LoadScripts(ctx context.Context) error {
	for name, s := range scripts {
		if err := s.Load(ctx, st.rdb).Err(); err != nil {
			return fmt.Errorf("load script %s: %w", name, err)
		}
	}
	return nil
}
