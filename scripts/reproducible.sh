#!/bin/sh
# Builds the release twice and compares the bytes. The two builds use different time zones, and
# copies of the commit in folders of different names and depths.
#
# For the platforms in COLD (default: linux/amd64) the second build has an empty compiler cache, so
# that it compiles everything again. For the others it links and packs again what the first build
# has compiled. That is enough, because the compiler is the same program for every platform.
# COLD="linux/amd64 linux/arm64 windows/amd64" compiles all platforms again; COLD= compiles none
# again, and proves the least. PLATFORMS, PROGRAMS and SBOM are as in scripts/release.sh.
set -eu
cd "$(dirname "$0")/.."
VERSION=${VERSION:-$(git describe --tags --always)}
REVISION=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
PLATFORMS=${PLATFORMS:-linux/amd64 linux/arm64 windows/amd64}
COLD=${COLD-linux/amd64}
SBOM_CACHE=$(go env GOCACHE) # the program that writes SBOMs is not compared
export VERSION REVISION SOURCE_DATE_EPOCH SBOM_CACHE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build TIMEZONE COPY OUT PLATFORMS [CACHE]
build() {
	mkdir -p "$work/$2"
	git archive "$REVISION" | tar -x -C "$work/$2"
	TZ=$1 PLATFORMS=$4 GOCACHE=${5:-$(go env GOCACHE)} "$work/$2/scripts/release.sh" "$work/$3" >/dev/null
}

warm='' cold=''
for platform in $PLATFORMS; do
	case " $COLD " in *" $platform "*) cold="$cold $platform" ;; *) warm="$warm $platform" ;; esac
done
began=$(date +%s)
build Europe/Warsaw first out-first "$PLATFORMS"
echo "first build: $(($(date +%s) - began)) s"
second="second/in/a folder of another name"
: >"$work/second.sums"
for part in warm cold; do
	eval "platforms=\$$part"
	[ -n "$platforms" ] || continue
	began=$(date +%s)
	build Asia/Tokyo "$second" "out-$part" "$platforms" "$([ $part = warm ] || echo "$work/cache")"
	cat "$work/out-$part/SHA256SUMS" >>"$work/second.sums"
	echo "second build,$platforms ($part): $(($(date +%s) - began)) s"
done
LC_ALL=C sort -k 2 "$work/second.sums" >"$work/second.sorted"
LC_ALL=C sort -k 2 "$work/out-first/SHA256SUMS" >"$work/first.sums"
cmp -s "$work/first.sums" "$work/second.sorted" || {
	diff "$work/first.sums" "$work/second.sorted" >&2 || true
	echo "the two builds differ" >&2
	exit 1
}
cat "$work/out-first/SHA256SUMS"
echo "two builds, same bytes: $(wc -l <"$work/out-first/SHA256SUMS") files"
