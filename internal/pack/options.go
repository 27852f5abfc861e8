package pack

import (
	"errors"
	"fmt"
	"io"

	"ksefworker/internal/ksef/numbers"
)

// defaultLevel gives the smallest package of the levels that were measured, at almost no cost.
// 10,000 invoices of 8 kB (80 MB) were measured from the entries to the spool, on one core of two:
//   - level 1: 0.50 s, 21.3 MB
//   - level 3: 0.64 s, 21.0 MB
//   - level 5: 0.66 s, 19.6 MB
//   - level 6: 0.66 s, 19.4 MB
//
// A taxpayer has at most one such package a minute, so the 0.16 s of a core between levels 1 and 6
// do not matter. But the 9 % fewer bytes of level 6 shorten the upload on any connection below 100
// Mbit/s.
//
// Compressing ahead in a second goroutine was considered and rejected. Encryption, hashes and disk
// together take about 15 % of the time for invoices, so a second goroutine could save no more than
// that.
const defaultLevel = 6

// Options say where the package goes and how large it may become. Sizes are bytes.
type Options struct {
	// Dir is the spool folder, made with mode 0700 when it is missing. Each package gets a folder
	// of its own below it. The disk needs free space for the encrypted package, which is a little
	// larger than the archive. Required.
	Dir string

	// PartSize is the length of every part but the last, before encryption. 0: 50,000,000. At most
	// 100,000,000.
	PartSize int64

	// MaxParts is the maximum number of parts. 0: 50.
	MaxParts int

	// MaxSize is the maximum size of the archive. 0: 5,000,000,000. MaxParts × PartSize limits it
	// as well; with the defaults of both that is 2.5 GB.
	MaxSize int64

	// MaxEntries is the maximum number of entries. 0: 10,000, a number for which the ZIP needs no
	// zip64 records.
	MaxEntries int

	// Encrypter wraps the destination of one part. It is called once for each part, so that every
	// part is encrypted from its own start. Close must write the rest, including padding, and must
	// not close the destination. Required.
	Encrypter func(io.Writer) io.WriteCloser

	// Format is the form of the archive. "": ZIP.
	Format Format

	// Level is the Deflate level, 1 (fastest) to 9 (smallest). 0: 6.
	Level int
}

// Format is the form of an archive.
type Format string

// The formats. KSeF takes tar.gz since API 2.6.0 and recommends it for large packages. The gateway
// at ksefapi.pl does not take tar.gz.
const (
	ZIP   Format = "zip"
	TarGz Format = "tar.gz" // one gzip stream over a tar
)

func (o Options) archive(w io.Writer) (archiver, error) {
	if o.Format == TarGz {
		return newTarball(w, o.Level)
	}
	return newArchive(w, o.Level)
}

func (o Options) withDefaults() (Options, error) {
	if o.PartSize == 0 {
		o.PartSize = numbers.GatewayPartSize
	}
	if o.MaxParts == 0 {
		o.MaxParts = numbers.MaxBatchParts
	}
	if o.MaxSize == 0 {
		o.MaxSize = numbers.MaxBatchSize
	}
	if o.MaxEntries == 0 {
		o.MaxEntries = numbers.MaxSessionInvoices
	}
	if o.Level == 0 {
		o.Level = defaultLevel
	}
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(o.Format == "" || o.Format == ZIP || o.Format == TarGz, "Format %q is neither %s nor %s", o.Format, ZIP, TarGz)
	check(o.Dir != "", "Dir is empty")
	check(o.Encrypter != nil, "Encrypter is nil")
	check(o.PartSize > 0 && o.PartSize <= numbers.MaxPartSize, "PartSize %d is not in 1…%d", o.PartSize, numbers.MaxPartSize)
	check(o.MaxParts > 0, "MaxParts %d is negative", o.MaxParts)
	check(o.MaxSize > 0, "MaxSize %d is negative", o.MaxSize)
	check(o.MaxEntries > 0, "MaxEntries %d is negative", o.MaxEntries)
	check(o.Level >= 1 && o.Level <= 9, "Level %d is not in 1…9", o.Level)
	if len(faults) > 0 {
		return o, fmt.Errorf("pack options: %w", errors.Join(faults...))
	}
	return o, nil
}

// capacity returns how many bytes the archive may have.
func (o Options) capacity() int64 {
	if int64(o.MaxParts) > o.MaxSize/o.PartSize { // the division keeps the product below from overflowing
		return o.MaxSize
	}
	return min(o.MaxSize, int64(o.MaxParts)*o.PartSize)
}
