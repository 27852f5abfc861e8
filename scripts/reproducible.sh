#!/bin/sh
# Builds the release twice, from two copies of the commit in different folders and with different build caches, and compares the bytes.
# PLATFORMS, PROGRAMS and SBOM as in scripts/release.sh; SHARED_CACHE=1 lets the second build use what the first has compiled, which is
# faster and proves less.
set -eu
cd "$(dirname "$0")/.."
VERSION=${VERSION:-$(git describe --tags --always)}
REVISION=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export VERSION REVISION SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for copy in first "second/in/a folder of another name"; do
	mkdir -p "$work/$copy"
	git archive HEAD | tar -x -C "$work/$copy"
	# The second copy finds nothing that the first has built.
	case $copy${SHARED_CACHE:-} in first* | *1) cache=$(go env GOCACHE) ;; *) cache=$work/cache ;; esac
	(GOCACHE=$cache TZ=$([ "$copy" = first ] && echo Europe/Warsaw || echo Asia/Tokyo) "$work/$copy/scripts/release.sh" "$work/out-${copy%%/*}" >/dev/null)
done
cmp "$work/out-first/SHA256SUMS" "$work/out-second/SHA256SUMS" || {
	diff "$work/out-first/SHA256SUMS" "$work/out-second/SHA256SUMS" >&2 || true
	echo "the two builds differ" >&2
	exit 1
}
cat "$work/out-first/SHA256SUMS"
echo "two builds, same bytes: $(wc -l <"$work/out-first/SHA256SUMS") files"
