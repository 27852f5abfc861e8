#!/bin/sh
# Makes sure that redis-server is on PATH, because the tests start one on a free port. Installs it
# with apt if apt is there and allowed.
set -eu
command -v redis-server >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1; then
	sudo=
	[ "$(id -u)" -eq 0 ] || sudo="sudo -n"
	echo "redis-server is not on PATH; installing Debian's redis-server"
	# RUNLEVEL=1 asks Debian not to start redis-server as a service; the tests start their own.
	if $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends redis-server >/dev/null; then
		command -v redis-server >/dev/null 2>&1 && exit 0
	fi
fi
cat >&2 <<'MSG'
The tests need a real redis-server, and none is on PATH.
  Debian, Ubuntu   sudo apt-get install redis-server
  macOS            brew install redis
  elsewhere        put the redis-server binary (version 7) on PATH; no server need be running
MSG
exit 1
