// Package limits counts the simulator's requests against KSeF's request limits (KSeF limits,
// September 2026). Each group of operations has sliding windows. A client that keeps sending after
// a refusal is blocked, and each further refusal lengthens the block.
//
// It shares no code with the client's limiter, because it has to check that limiter. A test in
// internal/arrows enforces this.
package limits
