#!/bin/sh
# gofmt, go vet, the import arrows, and the shell scripts' syntax. All report before it fails.
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
go test ./internal/arrows || status=1
for script in scripts/*.sh; do sh -n "$script" || status=1; done
bash -n .ci/run || status=1
if [ $status -eq 0 ]; then echo "lint: gofmt, vet, import arrows and scripts are clean"; fi
exit $status
