// Package redisd runs a redis-server as a child process, for tests and for the demo.
//
// It is a real server and not an imitation, because the worker relies on what imitations leave out:
// persistence across a kill, the atomicity of Lua scripts, the eviction policy, and time that
// passes by itself. A child costs about 30 ms.
//
// The child listens on 127.0.0.1 only, in protected mode, without a password, and never evicts
// keys. On Linux it dies with its parent; see [Start].
package redisd
