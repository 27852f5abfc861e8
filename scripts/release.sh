#!/bin/sh
# Builds a release into a folder (default: dist): static binaries, an archive for each platform, an
# SBOM (CycloneDX) of each binary, and SHA256SUMS. The same source, version and toolchain give the
# same bytes, wherever and whenever the script runs; scripts/reproducible.sh compares two runs.
# Environment: VERSION, REVISION and SOURCE_DATE_EPOCH (default: from git), PLATFORMS, PROGRAMS, and
# SBOM=0 to leave the SBOMs out.
set -eu
cd "$(dirname "$0")/.."
out=${1:-dist}
VERSION=${VERSION:-$(git describe --tags --always --dirty)}
REVISION=${REVISION:-$(git rev-parse HEAD)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
PLATFORMS=${PLATFORMS:-linux/amd64 linux/arm64 windows/amd64}
case $VERSION in *-dirty) echo "release: there are uncommitted changes: commit them first, so that the version names what is built" >&2; exit 1 ;; esac
export SOURCE_DATE_EPOCH
# Settings of this machine must not reach the binaries.
unset GOAMD64 GOARM64 GOEXPERIMENT CGO_CFLAGS CGO_LDFLAGS
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"
ldflags="-s -w -buildid= -X ksefworker/internal/buildinfo.version=$VERSION -X ksefworker/internal/buildinfo.revision=$REVISION"

rm -rf "$out"
mkdir -p "$out"
out=$(cd "$out" && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

# bill BINARY NAME writes the SBOM of a program.
bill() {
	GOCACHE=${SBOM_CACHE:-$(go env GOCACHE)} go tool -modfile=tools/release.mod cyclonedx-gomod bin -json -noserial -notimestamp -std -licenses \
		-version "$VERSION" -output "$out/$2.cdx.json" "$1" 2>"$stage/sbom.log" || { cat "$stage/sbom.log" >&2; return 1; }
}

sbom=
for platform in $PLATFORMS; do
	os=${platform%/*} arch=${platform#*/}
	programs=${PROGRAMS:-worker enqueue simulator} exe=
	# Programs that export invoices may run on Windows, and then enqueue runs there too. The worker
	# does not.
	[ "$os" != windows ] || programs=enqueue exe=.exe
	name=ksefworker_${VERSION}_${os}_${arch}
	mkdir -p "$stage/$name"
	for program in $programs; do
		echo "release: $program for $platform"
		GOOS=$os GOARCH=$arch go build -ldflags "$ldflags" -o "$stage/$name/$program$exe" "./cmd/$program"
		# The SBOM of a program, with the licences of its modules, is made while the next one is built.
		[ -z "$sbom" ] || wait "$sbom"
		sbom=
		if [ "${SBOM:-1}" != 0 ]; then bill "$stage/$name/$program$exe" "${program}_${VERSION}_${os}_${arch}" & sbom=$!; fi
	done
	cp LICENSE CHANGELOG.md README.md config/worker.example.yaml "$stage/$name/"
	if [ "$os" = linux ]; then cp -R deploy/systemd "$stage/$name/systemd"; fi
	chmod -R u=rwX,go=rX "$stage/$name"
	find "$stage/$name" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	if [ "$os" = windows ]; then
		# zip stores local times, and files in the order in which it gets them.
		(cd "$stage" && find "$name" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "$out/$name.zip")
	else
		tar -C "$stage" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
	fi
done
[ -z "$sbom" ] || wait "$sbom"
(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
cat "$out/SHA256SUMS"
