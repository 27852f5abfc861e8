#!/usr/bin/env bash
# Hands one invoice in and waits for its KSeF number:
#
#   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key bash submit.sh invoice.xml SO-1001
#
# It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
# there was no answer in time: run it again, nothing is sent twice.
set -euo pipefail
if [ $# != 2 ] || [ -z "${KSEF_KEY_FILE:-}" ]; then
	echo "usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key bash submit.sh invoice.xml SO-1001" >&2
	exit 3
fi
file=$1 ref=$2
# curl would only warn of a file that it cannot read, and send an empty body.
for needed in "$file" "$KSEF_KEY_FILE"; do
	if [ ! -f "$needed" ] || [ ! -r "$needed" ]; then
		echo "cannot read $needed: no such file, or not allowed" >&2
		exit 3
	fi
done
base=${KSEF_URL:-http://127.0.0.1:8090}/v1/invoices
# The key is in no argument, where every user of the machine could read it.
auth() { printf 'header = "Authorization: Bearer %s"\n' "$(head -n 1 "$KSEF_KEY_FILE")"; }
# Of the newest invoice in an answer, without the escapes of JSON. The last backslash before a
# quotation mark belongs to it. printf knows the other escapes that the server writes.
field() { printf '%b\n' "$(sed -nE "s/.*\"$1\":\"(([^\"\\\\]|\\\\.)*)\".*/\1/p" <<<"$2" | sed 's/\\"/"/g')"; }
coded() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; } # for a URL: every byte as %XX
body=$(mktemp)
trap 'rm -f "$body"' EXIT

# Says whether to call again later: there was no answer, the server could not serve the call now, or
# a check could not be made. Then nothing is wrong with the document.
later() {
	case $status in 000 | 408 | 429 | 5??) return 0 ;; esac
	grep -q '"try_again":true' "$body"
}

for try in 1 2 3 4 5 6; do
	status=$(curl --silent --show-error --max-time 60 --config <(auth) --output "$body" --write-out '%{http_code}' \
		--header 'Content-Type: application/xml' --data-binary "@$file" "$base?ref=$(coded "$ref")") || status=000
	later || break
	sleep $((try * 2))
done
if [ "$status" != 202 ]; then
	cat "$body" >&2 # says field, rule, value and place
	if later; then exit 4; fi
	exit 3
fi

for ((i = 0; i < 300; i++)); do
	if answer=$(curl --silent --fail --max-time 30 --config <(auth) --get --data-urlencode "ref=$ref" "$base"); then
		state=$(field state "$answer")
		case $state in
		accepted | receipted)
			field ksef_number "$answer"
			exit 0
			;;
		rejected | parked | dismissed | superseded | refused)
			echo "$state: $(field reason "$answer")" >&2
			exit 3
			;;
		esac
	fi
	sleep 2
done
echo "no outcome in ten minutes; ask again later" >&2
exit 4
