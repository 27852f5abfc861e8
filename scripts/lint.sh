#!/bin/sh
# Runs gofmt, go vet and staticcheck, and looks for dead code. It also checks the direction of
# imports, that enqueue builds for Windows, and the syntax of the shell scripts. All checks run,
# even if an earlier one fails.
set -u
cd "$(dirname "$0")/.."
status=0
unformatted=$(gofmt -l $(git ls-files --cached --others --exclude-standard '*.go'))
if [ -n "$unformatted" ]; then
	echo "not formatted (run: gofmt -w):"
	echo "$unformatted"
	status=1
fi
go vet ./... || status=1
go tool -modfile=tools/go.mod staticcheck ./... || status=1
# Code is dead when nothing reaches it, not even a test.
dead=$(go tool -modfile=tools/go.mod deadcode -test ./...)
if [ -n "$dead" ]; then
	echo "$dead"
	status=1
fi
go test ./internal/arrows || status=1
# make release builds enqueue for Windows too, and no test does.
GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build -o /dev/null ./cmd/enqueue || status=1
for script in scripts/*.sh; do sh -n "$script" || status=1; done
bash -n .ci/run || status=1
if [ $status -eq 0 ]; then echo "lint: gofmt, vet, staticcheck, imports, enqueue for Windows and scripts are clean; nothing is dead"; fi
exit $status
