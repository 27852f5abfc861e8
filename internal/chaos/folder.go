//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"ksefworker/internal/ledger"
)

// The name of the watched folder, and how long the watch waits until it takes a file. A file that
// is cut off is taken after tornPatience, which is much longer than the time that a killed writer
// stays away.
const (
	folderName   = "inbox"
	settleFor    = time.Second
	tornPatience = 10 * time.Second
)

// inbox is the watched folder with its watch.
type inbox struct {
	dir   string
	drops []drop      // what the exporter writes into it, by time
	watch *supervisor // of enqueue watch
}

// startInbox makes the folder and starts enqueue watch on it.
func (r *run) startInbox(config string) error {
	in := &inbox{dir: filepath.Join(r.o.Dir, folderName), drops: r.export.drops}
	for _, lane := range []ledger.Lane{ledger.Auto, ledger.Express} {
		dir := filepath.Join(in.dir, string(lane))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, ".ksef.yaml"), []byte("lane: "+string(lane)+"\n"), 0o600); err != nil {
			return err
		}
	}
	in.watch = newSupervisor("watch", r.logPath("watch"), r.o.Enqueue, "watch", "--config", config,
		"--settle", settleFor.String(), "--patience", tornPatience.String(), "--poll", "1s", in.dir)
	r.inbox = in
	r.atEnd(func() { in.watch.stop(15 * time.Second) })
	return in.watch.start()
}

// drawWatchEnds draws when the watch is ended, and by which signal. The watch is ended as often as
// workers are killed or stopped.
func drawWatchEnds(o Options, dice *rand.Rand) (all []watchEnd) {
	for i := range o.Disruptions.Kills + o.Disruptions.Stops {
		e := watchEnd{at: time.Duration(dice.Int64N(int64(o.Feed))), signal: syscall.SIGKILL}
		if i >= o.Disruptions.Kills {
			e.signal = syscall.SIGTERM
		}
		all = append(all, e)
	}
	return all
}

type watchEnd struct {
	at     time.Duration
	signal syscall.Signal
}

// endWatch ends the watch at the drawn moments. The supervisor starts the watch again.
func (ds *disruptor) endWatch(ctx context.Context, ends []watchEnd) error {
	var all sync.WaitGroup
	defer all.Wait()
	for _, e := range ends {
		all.Go(func() {
			if ds.until(ctx, e.at) == nil {
				ds.report(fmt.Sprintf("%v of the watch", e.signal))
				ds.inbox.watch.signal(e.signal)
			}
		})
	}
	return nil
}

// write plays an exporter that writes files, each at its moment. The first error ends it.
func (in *inbox) write(ctx context.Context, until func(context.Context, time.Duration) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var writers sync.WaitGroup
	defer writers.Wait()
	for _, d := range in.drops {
		if err := until(ctx, d.at); err != nil {
			return err
		}
		writers.Go(func() {
			if err := in.writeOne(ctx, d); err != nil {
				cancel(fmt.Errorf("write %s: %w", d.path, err))
			}
		})
	}
	writers.Wait()
	return context.Cause(ctx)
}

func (in *inbox) writeOne(ctx context.Context, d drop) error {
	name, data := d.file()
	path := in.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if d.torn != "" {
		begin := d.item.doc.Data[:len(d.item.doc.Data)/2]
		if err := writeAndDie(ctx, in.path(d.torn), begin); err != nil {
			return err
		}
	}
	switch d.how {
	case slowly:
		return writeSlowly(ctx, path, data)
	case killed:
		if err := writeAndDie(ctx, path, data[:len(data)/2]); err != nil {
			return err
		}
		if err := pause(ctx, d.back); err != nil {
			return err
		}
	}
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%d.tmp", rand.Uint64()))
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// writeSlowly writes a file in place, in pieces, with pauses that are shorter than the time that
// the watch waits.
func writeSlowly(ctx context.Context, path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	const pieces = 4
	for i := range pieces {
		if _, err := f.Write(data[len(data)*i/pieces : len(data)*(i+1)/pieces]); err != nil {
			return err
		}
		if err := pause(ctx, settleFor/10); err != nil {
			return err
		}
	}
	return f.Close()
}

// writeAndDie lets a process write the beginning of a file and kills it while it has the file open.
func writeAndDie(ctx context.Context, path string, begin []byte) error {
	cmd := exec.Command("/bin/sh", "-c", `exec cat >"$1"`, "sh", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = in.Write(begin)
	if err == nil {
		err = eventually(ctx, 20*time.Second, "the writer has written half of the file", func() bool {
			info, err := os.Stat(path)
			return err == nil && info.Size() == int64(len(begin))
		})
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // the error says only that the process was killed
	return err
}
