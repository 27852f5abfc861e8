// Package redisd runs a redis-server as a child process, for tests and for the demo.
//
// A real server rather than a stand-in, because what the worker leans on is exactly what stand-ins leave out: persistence
// across a kill, Lua's atomicity, eviction policy, time that passes by itself. A child costs about 30 ms.
//
// The child listens on 127.0.0.1 only, in protected mode, without a password, and never evicts. It dies with its parent on
// Linux; see [Start].
package redisd
