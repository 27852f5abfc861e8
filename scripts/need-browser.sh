#!/bin/sh
# The browser test needs Chromium, Node.js 18 or newer, and the npm packages of test/browser.
# Installs those that are missing.
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
found=
for name in chromium chromium-browser google-chrome; do
	if command -v "$name" >/dev/null 2>&1; then found=$name; fi
done
[ -n "$found" ] || install chromium
command -v node >/dev/null 2>&1 || install nodejs
command -v npm >/dev/null 2>&1 || install npm
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 18 ]; then
	echo "Node.js $major is too old for the browser test; 18 or newer is needed" >&2
	exit 1
fi
# ignore-scripts: no code of the npm packages runs at install time, and no browser is downloaded.
[ -d test/browser/node_modules/axe-core ] && [ -d test/browser/node_modules/playwright-core ] || (cd test/browser && npm ci --ignore-scripts --no-audit --no-fund --silent)
