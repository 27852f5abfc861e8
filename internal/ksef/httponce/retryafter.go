package httponce

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads a Retry-After header, which has seconds or an HTTP date. A date is compared with
// now. retryAfter returns 0 when the header is absent, unreadable or in the past. The time is not
// capped, because KSeF has asked for 2,680 s (KSeF issue threads, 2026). Fractions are rounded up,
// and a number that overflows is the longest duration.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(header, 64); err == nil {
		switch {
		case math.IsNaN(seconds) || seconds <= 0:
			return 0
		case seconds >= math.MaxInt64/float64(time.Second):
			return math.MaxInt64
		}
		return time.Duration(math.Ceil(seconds)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
