// Package redisd runs a redis-server as a child process, for tests and for the demo.
//
// A real server is needed, because the worker relies on features that imitations lack: persistence
// across a kill, the atomicity of Lua scripts, the eviction policy, and time that passes by itself.
// The start of a child takes about 30 ms.
//
// The child listens on 127.0.0.1 only, in protected mode, without a password, and never evicts
// keys. On Linux the child dies with its parent (see [Start]).
package redisd
