// Package limits counts the simulator's requests against KSeF's request limits (KSeF limits,
// September 2026): sliding windows for each group of operations, and growing blocks for
// clients that go on although they were refused.
//
// It shares no code with the client's limiter, which it is there to check; internal/arrows enforces
// that.
package limits
