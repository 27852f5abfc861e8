package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/pack"
)

// spoolEvery is how often a worker removes what killed processes have left in the spool. Together
// with [pack.LeftBehind] it bounds how long such files take up the disk.
const spoolEvery = 10 * time.Minute

// tidySpool removes the folders of killed processes from the spool, at once and then at every
// interval until stop is closed. Once at the start is not enough. When a killed worker is started
// again at once, the folder that it left is still too young to be removed, and the next start may
// be weeks away.
func tidySpool(ctx context.Context, interval time.Duration, stop <-chan struct{}, dir string, log zerolog.Logger) {
	every(ctx, interval, stop, func(context.Context) {
		if err := pack.SweepSpool(dir, pack.LeftBehind); err != nil {
			log.Warn().Err(err).Msg("old spool files not removed")
		}
	})
}
