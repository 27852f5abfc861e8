// Package app is the worker process. It connects the handlers of internal/tasks with Redis, the
// archive and KSeF, and shows people what the handlers do.
//
// The process:
//
//	serve.go             reload
//	worker.go            construction
//	run.go, life.go      run and stop
//	closers.go           what is closed at the end
//	start.go             the first lines of the log
//	options.go           the options
//	spool.go             what killed processes left in the spool
//
// Between the handlers and KSeF:
//
//	clients.go           one client for each tenant
//	gateway.go           limits and circuits, and what the handlers see of them
//	gate.go              the checks of every request
//	circuits.go          what is out of service, in the pool or for this process alone;
//	                     also unanswered.go and streak.go
//	localfault.go        credentials that this process cannot use
//	partstore.go         the stores that take the parts of packages
//	publickey.go         KSeF's public keys
//
// For people:
//
//	listen.go            the pages; also http.go and http_guard.go
//	ready*.go            /readyz; also health.go, archive.go, waiting.go, unserved.go and
//	                     redis_watch.go
//	metrics*.go          /metrics; also events.go
//	dashboard*.go        the queue
//	page*.go             the business page; also signin.go
//	deliveries.go        what receivers of results are told; also receivers.go
//	log.go               the log; also log_repeats.go, outage.go and spells.go
//	check*.go            worker --check; also hints.go
package app
