// Package limits counts the simulator's requests against KSeF's request limits (KSeF limits,
// September 2026). Each group of operations has sliding windows. Clients that go on although they
// were refused get growing blocks.
//
// It shares no code with the client's limiter, because it has to check that limiter. A test in
// internal/arrows enforces this.
package limits
