// Package morning lets the tests of a package begin in the morning in Warsaw, whenever they run.
//
// In the last hour of a day in Warsaw a worker keeps some sessions back for invoices that are due
// at midnight. In the last five minutes it cuts packages at a few moments only. A test that waits
// for a package fails then, although nothing is wrong. Tests of a handler move its clock. Tests of
// whole processes cannot do that, because their clocks are those of the machine and of Redis. So
// those tests change the time zone of Warsaw instead.
package morning

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// M runs tests, such as [testing.M].
type M interface{ Run() int }

// Of returns an M that runs the tests of m, with a quarter past ten in Europe/Warsaw as the time at
// which they start. The change holds for this process and for those that it starts. Nothing may
// have read the zone before.
func Of(m M) M { return begin{m} }

type begin struct{ m M }

// Run returns 1 without running a test when the zone cannot be changed.
func (b begin) Run() int {
	dir, err := os.MkdirTemp("", "ksefworker-zone-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = write(filepath.Join(dir, "Europe", "Warsaw"), offset(time.Now()))
	}
	if err == nil {
		// Package time looks for time zones here first.
		err = os.Setenv("ZONEINFO", dir)
	}
	if err == nil {
		err = verify()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "move Warsaw into the morning:", err)
		return 1
	}
	return b.m.Run()
}

// offset returns how far the zone must be ahead of UTC, so that now is a quarter past ten there.
// The zone and UTC then have the same day.
func offset(now time.Time) time.Duration {
	now = now.UTC()
	y, m, d := now.Date()
	return time.Date(y, m, d, 10, 15, 0, 0, time.UTC).Sub(now).Truncate(time.Second)
}

// write writes the zone as a file of the form of RFC 8536, version 1, that holds one offset for all
// times.
func write(path string, ahead time.Duration) error {
	const name = "MRN\x00"
	file := []byte("TZif")
	file = append(file, make([]byte, 16)...)       // version 1, and what is reserved
	for _, n := range []uint32{0, 0, 0, 0, 1, 4} { // no transitions, one type, four letters
		file = binary.BigEndian.AppendUint32(file, n)
	}
	file = binary.BigEndian.AppendUint32(file, uint32(int32(ahead/time.Second)))
	file = append(file, 0, 0) // not summer time; its name begins at the first letter
	file = append(file, name...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, file, 0o600)
}

// verify fails when package time has read another zone before.
func verify() error {
	zone, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		return err
	}
	if now := time.Now().In(zone); now.Hour() != 10 {
		return fmt.Errorf("it is %s there", now.Format(time.TimeOnly))
	}
	return nil
}
