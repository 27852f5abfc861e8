package ledger

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// scripts are the verbs by name.
var scripts = map[string]*redis.Script{
	"move": moveScript, "cut": cutScript, "open": openScript, "send": sendScript, "package": packageScript,
	"repack": repackScript, "prune": pruneScript, "loose": looseScript, "next": pageScript, "declare": declareScript, "tally": tallyScript, "beat": beatScript,
	"fence": fenceScript, "kept": keptScript, "tenant": tenantScript, "hold": holdScript, "shed": shedScript, "home": homeScript,
}

// ScriptHashes names the scripts by their SHA-1, as Redis's SLOWLOG and MONITOR show them: verb → hash.
func ScriptHashes() map[string]string {
	out := make(map[string]string, len(scripts))
	for name, s := range scripts {
		out[name] = s.Hash()
	}
	return out
}

// LoadScripts hands every script to Redis in advance, so that no verb has to be sent twice at its first use. Leaving it out costs only that.
func (l *Ledger) LoadScripts(ctx context.Context) error {
	for name, s := range scripts {
		if err := s.Load(ctx, l.rdb).Err(); err != nil {
			return fmt.Errorf("load script %s: %w", name, err)
		}
	}
	return nil
}
