#!/usr/bin/env bash
# Hands one invoice in and waits for its KSeF number, ten minutes at most:
#
#   KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key bash submit.sh invoice.xml SO-1001
#
# Exit code 0: it has printed the number. 3: a person has to act, and it has printed the reason.
# 4: there was no outcome in time. Then run it again: nothing is sent twice.
set -Eeuo pipefail
trap 'exit 3' ERR
patience=600 # seconds, for everything together
stop() {
	printf '%s\n' "$2" >&2
	exit "$1"
}
if [ $# != 2 ] || [ -z "${KSEF_KEY_FILE:-}" ]; then
	stop 3 "usage: KSEF_URL=http://127.0.0.1:8090 KSEF_KEY_FILE=key bash submit.sh invoice.xml SO-1001"
fi
if ! command -v curl >/dev/null; then stop 3 "curl is not installed"; fi
file=$1 ref=$2
if [ -z "$ref" ]; then stop 3 "the ref is empty: give your own key of the invoice, such as SO-1001"; fi
# curl would only warn of a file that it cannot read, and send an empty body.
for needed in "$file" "$KSEF_KEY_FILE"; do
	if [ ! -f "$needed" ] || [ ! -r "$needed" ]; then stop 3 "cannot read $needed: no such file, or not allowed"; fi
done
base=${KSEF_URL:-http://127.0.0.1:8090}
address='^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,5}))?(/[A-Za-z0-9._~/-]*)?$'
if ! [[ $base =~ $address ]] || [ "${BASH_REMATCH[3]:-0}" -gt 65535 ]; then
	stop 3 "KSEF_URL must be an address such as http://127.0.0.1:8090"
fi
base=${base%/}/v1/invoices
# Editors on Windows begin a file with a mark (BOM) and end lines with two characters.
key=$(head -n 1 "$KSEF_KEY_FILE" | LC_ALL=C tr -d '\000' | LC_ALL=C sed 's/[[:space:]]*$//')
key=${key#$'\xef\xbb\xbf'}
if ! LC_ALL=C grep -qE '^[ -~]+$' <<<"$key"; then
	stop 3 "the first line of $KSEF_KEY_FILE must be the key, and the file plain text (UTF-8)"
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Prints a field of the answer, without the escapes of JSON. sed removes the backslash before a
# quotation mark. printf knows the other escapes that the server writes.
field() { printf '%b\n' "$(sed -nE "s/.*\"$1\":\"(([^\"\\\\]|\\\\.)*)\".*/\1/p" "$dir/body" | sed 's/\\"/"/g')"; }
coded() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; } # text for a URL: every byte as %XX

# Makes one call. The key is not an argument of curl, because every user of the machine can read
# arguments. curl follows no redirect and asks no proxy, so the key reaches only the server of
# KSEF_URL.
call() {
	local left=$((patience - SECONDS)) said
	: >"$dir/head" >"$dir/body"
	status=000 moved=
	if said=$(curl --silent --show-error --globoff --noproxy '*' --max-time $((left > 60 ? 60 : left > 0 ? left : 1)) \
		--header @<(printf 'Authorization: Bearer %s\n' "$key") --dump-header "$dir/head" --output "$dir/body" \
		--write-out '%{http_code} %{redirect_url}' "$@" 2>"$dir/error"); then
		read -r status moved <<<"$said"
	fi
	after=$(tr -d '\r' <"$dir/head" | { grep -iE '^retry-after: *[0-9]{1,9}$' || true; } | tail -n 1 | tr -cd 0-9)
	after=$((10#${after:-0}))
}

# Says whether to make the call again later, because there was no answer, the server could not serve
# the call now, or a check could not be made. In these cases nothing is wrong with the document.
later() {
	case $status in 000 | 408 | 429 | 5??) return 0 ;; esac
	grep -q '"try_again":true' "$dir/body"
}

# Waits, unless that would take too long.
pause() { [ $((SECONDS + $1)) -lt "$patience" ] && sleep "$1"; }

words() {
	local said
	case $status in
	000) cat "$dir/error" ;;
	3??) echo "the server answered $status and sends this program to ${moved:-another address}: correct KSEF_URL" ;;
	*)
		said=$(field detail) # says field, rule, value, place and hint
		echo "${said:-the server answered $status and no words: is KSEF_URL right?}"
		;;
	esac
}

after=0
for wait in 0 2 4 6 8 10; do
	pause $((after > wait ? after : wait)) || break
	call --header 'Content-Type: application/xml' --data-binary "@$file" "$base?ref=$(coded "$ref")"
	later || break
done
if [ "$status" != 202 ]; then
	if later; then stop 4 "$(words)"; fi
	stop 3 "$(words)"
fi
for name in note warning text; do # text: what became of terms or a ref that differ from those on record
	said=$(field "$name")
	if [ -n "$said" ]; then printf '%s\n' "$said" >&2; fi
done
id=$(field id)
if [ -z "$id" ]; then stop 3 "the answer has no id: is KSEF_URL right?"; fi

while true; do
	case $status in
	200 | 202)
		state=$(field state)
		case $state in
		accepted | receipted)
			number=$(field ksef_number)
			if [ -z "$number" ]; then stop 3 "the answer has no KSeF number: is KSEF_URL right?"; fi
			printf '%s\n' "$number"
			exit 0
			;;
		rejected | parked | dismissed | superseded | refused)
			# The answer to the first call has no reason.
			if [ "$status" = 200 ]; then stop 3 "$state: $(field reason)"; fi
			;;
		esac
		;;
	*) if ! later; then stop 3 "$(words)"; fi ;;
	esac
	pause $((after > 2 ? after : 2)) || break
	call "$base/$(coded "$id")"
done
stop 4 "no outcome yet: run it again later"
