package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// Check does not ask whether the bucket exists, which needs a right that nothing else here needs. It
// asks to write the probe, and reads it. Where conditions are honoured, a probe that is there is not
// written: the service looks at the rights first, then at the condition. Elsewhere each write would
// be one more version in a bucket that keeps them, so a process writes it once. From then on reading
// it shows that the service answers, and the archive's real writes show that it takes them.
//
// What the probe contains does not matter. Others may have damaged it or put something else under
// its name, and nothing here may overwrite that where conditions are honoured: it came back, and
// every other object is as well as before.
func (b *bucket) Check(ctx context.Context) error {
	if err := b.writeProbe(ctx); err != nil {
		return fmt.Errorf("check archive: write to %s: %w", b.URL(""), err)
	}
	err := b.readProbe(ctx)
	if errors.Is(err, ErrNotFound) { // it was taken away since it was written
		if err := b.write(ctx, stateName, probe, "text/plain", false); err != nil {
			return fmt.Errorf("check archive: write to %s: %w", b.URL(""), err)
		}
		err = b.readProbe(ctx)
	}
	if err != nil {
		return fmt.Errorf("check archive: read from %s: %w", b.URL(""), err)
	}
	return nil
}

func (b *bucket) writeProbe(ctx context.Context) error {
	conditional, err := b.conditional(ctx)
	if err != nil {
		return err
	}
	if conditional {
		err := b.write(ctx, stateName, probe, "text/plain", true)
		if status(err) == http.StatusPreconditionFailed {
			return nil
		}
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probed {
		return nil
	}
	err = b.write(ctx, stateName, probe, "text/plain", false)
	b.probed = err == nil
	return err
}

// readProbe is nil when the probe can be read, whatever it contains.
func (b *bucket) readProbe(ctx context.Context) error {
	_, err := b.read(ctx, stateName)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}

// conditional finds out once whether the service honours If-None-Match. Services that do not know it
// ignore it and overwrite, so it must be tried: an object that exists is put under the condition. It
// stays there, so that later processes need not create it, and nothing but the probe is harmed. Only
// who finds no probe writes twice.
func (b *bucket) conditional(ctx context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conditions != nil {
		return *b.conditions, nil
	}
	tries := 1
	if b.readProbe(ctx) != nil {
		// It is not there, or cannot be told to be: the first try may only create it.
		tries = 2
	}
	for range tries {
		err := b.write(ctx, stateName, probe, "text/plain", true)
		if err == nil {
			b.probed = true
			continue
		}
		if status(err) == http.StatusPreconditionFailed {
			yes := true
			b.conditions = &yes
			return yes, nil
		}
		if refusesConditions(err) {
			break
		}
		return false, err
	}
	no := false
	b.conditions = &no
	return no, nil
}

// refusesConditions tells a service that knows the header and will not have it.
func refusesConditions(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return err != nil && (status(err) == http.StatusNotImplemented || code == minio.NotImplemented || code == minio.InvalidArgument || code == "InvalidRequest")
}
