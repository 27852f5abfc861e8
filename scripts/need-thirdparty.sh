#!/bin/sh
# The tests with third-party clients need Node.js 18 or newer with npm, and the pinned packages of
# test/thirdparty/ksef-client-ts. Installs those that are missing. The modules of the Go client are
# fetched when its program is built.
set -eu
cd "$(dirname "$0")/.."
sudo=
[ "$(id -u)" -eq 0 ] || sudo="sudo -n"
install() {
	command -v apt-get >/dev/null 2>&1 || { echo "$1 is missing, and there is no apt-get to install it with" >&2; exit 1; }
	echo "installing $1"
	$sudo apt-get update -qq
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
command -v node >/dev/null 2>&1 || install nodejs
command -v npm >/dev/null 2>&1 || install npm
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 18 ]; then
	echo "Node.js $major is too old for ksef-client-ts; 18 or newer is needed" >&2
	exit 1
fi
cd test/thirdparty/ksef-client-ts
# ignore-scripts: no code of the npm packages runs at install time.
[ -d node_modules/ksef-client-ts ] || npm ci --ignore-scripts --no-audit --no-fund --silent
