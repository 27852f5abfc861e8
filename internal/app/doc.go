// Package app is the worker process. It connects the handlers of internal/tasks with Redis, the
// archive and KSeF, and shows people what they do.
//
// The process: serve.go (reload), worker.go (construction), run.go and life.go (run and stop),
// closers.go, start.go (first lines of the log), options.go.
//
// Between the handlers and KSeF: clients.go (one client for each tenant), gateway.go (limits and
// circuits, and what the handlers see of them), gate.go (the checks of every request), circuits.go,
// unanswered.go and streak.go (what is out of service, in the pool or for this process alone),
// localfault.go, partstore.go, publickey.go.
//
// For people: listen.go, http.go and http_guard.go (the pages), ready*.go, health.go, archive.go,
// waiting.go, unserved.go and redis_watch.go (/readyz), metrics*.go and events.go (/metrics),
// dashboard*.go (the queue), log.go, log_repeats.go, outage.go and spells.go (the log), check*.go
// and hints.go (worker --check).
package app
