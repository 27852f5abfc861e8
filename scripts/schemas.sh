#!/bin/sh
# Downloads the Ministry's XSD files of FA(3) and FA(2) into a folder, for developers: make
# schema-diff, make bench-schema and go generate read them. A worker does not need the files,
# because the rules of the schemas are built in. This repository does not contain the files, because
# they belong to the Ministry. Usage: scripts/schemas.sh [FOLDER]
set -eu
into=${1:-schemas}
forms=http://crd.gov.pl/wzor
types=http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy
command -v curl >/dev/null 2>&1 || { echo "curl is missing; install it first" >&2; exit 1; }
mkdir -p "$into/bazowe"
fetch() {
	# First to a temporary name. Otherwise a later run could read a file that is incomplete.
	curl --fail --silent --show-error --location --retry 3 --max-time 60 --output "$2.part" "$1" || { rm -f "$2.part"; echo "could not fetch $1" >&2; exit 1; }
	if ! grep -q '<xsd:schema\|<xs:schema' "$2.part"; then
		rm -f "$2.part"
		echo "$1 did not return a schema" >&2
		exit 1
	fi
	mv "$2.part" "$2"
	echo "$2"
}
fetch "$forms/2025/06/25/13775/schemat.xsd" "$into/schemat_FA(3)_v1-0E.xsd"
fetch "$forms/2023/06/29/12648/schemat.xsd" "$into/schemat_FA(2)_v1-0E.xsd"
for name in StrukturyDanych ElementarneTypyDanych KodyKrajow; do
	fetch "$types/${name}_v10-0E.xsd" "$into/bazowe/${name}_v10-0E.xsd"
done
echo "done: $(cd "$into" && pwd)"
