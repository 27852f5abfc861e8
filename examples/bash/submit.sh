#!/usr/bin/env bash
# Hands one invoice in and waits for its KSeF number:
#
#   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key bash submit.sh invoice.xml SO-1001
#
# It ends with 0 and prints the number, with 3 and the reason when a person has to act, and with 4 when
# there was no answer in time: run it again, nothing is sent twice.
set -euo pipefail
file=$1 ref=$2
base=${KSEF_URL:-http://127.0.0.1:8090}/v1/invoices
# The key is in no argument, where every user of the machine could read it.
auth() { printf 'header = "Authorization: Bearer %s"\n' "$(head -n 1 "$KSEF_KEY_FILE")"; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$2"; }
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
