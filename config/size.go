package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Size is a number of bytes. It is written 50MB, 64MiB, 1.5GB or as a plain number of bytes;
// underscores are allowed: 50_000_000. MB is a million, as in KSeF's limits; MiB is 1,048,576.
type Size int64

// Units of Size.
const (
	KB Size = 1000
	MB      = 1000 * KB
	GB      = 1000 * MB
)

// The longest suffix comes first, so that MiB is not read as B.
var sizeUnits = []struct {
	suffix string
	bytes  float64
}{{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1}}

// UnmarshalText reads a size in the form described at [Size]. A negative or fractional number of
// bytes is an error.
func (s *Size) UnmarshalText(text []byte) error {
	word := strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(string(text)), "_", ""))
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(word, u.suffix)
		if !ok {
			continue
		}
		digits = strings.TrimSpace(digits)
		if digits == "" || strings.Trim(digits, "0123456789.") != "" {
			break
		}
		n, err := strconv.ParseFloat(digits, 64)
		// Below 2^53 a float64 holds every whole number exactly; no size here comes near that.
		bytes := n * u.bytes
		if err != nil || bytes >= 1<<53 || bytes != math.Trunc(bytes) {
			break
		}
		*s = Size(bytes)
		return nil
	}
	return errors.New("is not a size such as 50MB, 64MiB or 50_000_000")
}

// UnmarshalYAML calls UnmarshalText and returns its error with the line, as a [yaml.TypeError].
// After a TypeError yaml.v3 goes on and finds the other faults of the file. At an error of any
// other type it stops.
func (s *Size) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a size is expected here", node.Line)}}
	}
	if err := s.UnmarshalText([]byte(node.Value)); err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: `%.20s` %s", node.Line, node.Value, err)}}
	}
	return nil
}

// String returns the shortest exact form: 50MB, 64MiB, 1234B.
func (s Size) String() string {
	for _, u := range []struct {
		bytes Size
		name  string
	}{{GB, "GB"}, {MB, "MB"}, {KB, "kB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if s != 0 && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", s/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}
