package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/results/sinks"
)

// receiverCheck is one line about a receiver of results.
type receiverCheck struct {
	what string
	do   func(context.Context) error
}

// checkReceivers tries each receiver of results except streams. It tries all at the same time, so
// that many receivers that do not answer take no longer than one.
func checkReceivers(ctx context.Context, cfg config.Config, say func(string, error), out io.Writer) {
	r := cfg.Results
	var all []receiverCheck
	add := func(receiver string, tenants []string, setting string, do func(context.Context) error) {
		whose := "all tenants"
		if len(tenants) > 0 {
			whose = "tenant " + strings.Join(cfg.Titles(tenants), ", ")
		}
		all = append(all, receiverCheck{fmt.Sprintf("%s of %s, %s", receiver, whose, setting), do})
	}
	for i, w := range r.Webhooks {
		hook, at := webhook(cfg, w, nil), fmt.Sprintf("results.webhooks[%d].", i)
		if _, err := w.Secrets(); err == nil { // an error is reported in the line about secret files
			add("webhook "+w.Name, w.Tenants, at+"secret_file", func(context.Context) error { return hook.CheckSecrets() })
		}
		add("webhook "+w.Name, w.Tenants, at+"url", hook.CheckAddress)
	}
	folders := r.AllFolders()
	unproven := make([]bool, len(folders))
	for i, f := range folders {
		add("folder of results "+f.Path, f.Tenants, r.Setting(f.Name), func(ctx context.Context) error {
			sure, err := checkFolderInTime(ctx, "path", f.Path)
			unproven[i] = !sure && err == nil
			return err
		})
	}
	for _, d := range r.AllDatabases() {
		add("PostgreSQL", d.Tenants, r.Setting(d.Name), func(ctx context.Context) error {
			db, err := database(d, zerolog.Nop())
			if err != nil {
				return err
			}
			return db.Check(ctx)
		})
	}
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, c := range all {
		running.Go(func() { errs[i] = bounded(ctx, c.do) })
	}
	running.Wait()
	for i, c := range all {
		say(c.what, errs[i])
	}
	if err := checkFolders(ctx, cfg); err != nil {
		say("folders of results", err)
	}
	for i, f := range folders {
		if unproven[i] {
			fmt.Fprintf(out, "note   folder of results %s: not proven that it can be written: its rights allow it, its file system may not\n",
				f.Path)
		}
	}
}

// checkFolderInTime checks a folder that may be on a share whose server is away. Nothing can
// interrupt such a check. When ctx ends, the check is left running.
func checkFolderInTime(ctx context.Context, setting, dir string) (proven bool, err error) {
	type answer struct {
		proven bool
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		proven, err := connect.CheckFolder(setting, dir)
		done <- answer{proven, err}
	}()
	select {
	case a := <-done:
		return a.proven, a.err
	case <-ctx.Done():
		return false, fmt.Errorf("%s: %w", setting, sinks.ErrNoAnswer)
	}
}

// checkStream returns an error when the key of the stream holds something other than a stream.
func checkStream(ctx context.Context, rdb redis.UniversalClient, key string) error {
	kind, err := rdb.Type(ctx, key).Result()
	if err == nil && kind != "none" && kind != "stream" {
		return fmt.Errorf("the key %s was written by another program (it is a %s): find out which, then delete the key", key, kind)
	}
	return err
}
