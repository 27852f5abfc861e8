package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"
)

// Check writes the probe and reads it. It does not ask whether the bucket exists, because that
// would need one more right. Where the service honors conditions (If-None-Match), the write does
// not replace an existing probe. The write tests the rights all the same, because the service
// checks them before the condition. With any other service a process writes the probe only once,
// because each write would add a version in a bucket that keeps versions. After that, reading the
// probe shows that the service answers, and the real writes of the archive show that it accepts
// writes.
//
// The content of the probe does not matter, because it says nothing about any other object. It is
// enough that the probe can be read. Others may have damaged it or put something else under its
// name. Where the service honors conditions, such content must not be overwritten here.
func (b *bucket) Check(ctx context.Context) error {
	if err := b.writeProbe(ctx); err != nil {
		return fmt.Errorf("check archive: write to %s: %w", b.URL(""), err)
	}
	err := b.readProbe(ctx)
	if errors.Is(err, ErrNotFound) { // it was removed after it was written
		if err := b.write(ctx, probeName, probe, "text/plain", false); err != nil {
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
		err := b.write(ctx, probeName, probe, "text/plain", true)
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
	err = b.write(ctx, probeName, probe, "text/plain", false)
	b.probed = err == nil
	return err
}

// readProbe returns nil when the probe can be read, even with other content.
func (b *bucket) readProbe(ctx context.Context) error {
	_, err := b.read(ctx, probeName)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}

// conditional finds out once whether the service honors If-None-Match. To find out, it writes the
// probe under this condition although the probe exists. A service that does not know the condition
// ignores it and overwrites the probe. Only the probe can be harmed by that. The probe is kept. So
// only a process that finds no probe writes twice: once to create the probe, and once to test the
// condition.
func (b *bucket) conditional(ctx context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conditions != nil {
		return *b.conditions, nil
	}
	tries := 1
	if b.readProbe(ctx) != nil {
		// There is no probe, or it cannot be read. So the first write may create the probe, and
		// then only a second write tests the condition.
		tries = 2
	}
	for range tries {
		err := b.write(ctx, probeName, probe, "text/plain", true)
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

// refusesConditions reports whether an error says that the service knows If-None-Match and refuses
// it.
func refusesConditions(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return err != nil && (status(err) == http.StatusNotImplemented ||
		code == minio.NotImplemented || code == minio.InvalidArgument || code == "InvalidRequest")
}
