#!/bin/bash
# Unpacks Debian's chronyd into .cache/chrony for the test of the time client. It is not installed:
# the package would take the place of the machine's own time service.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -x .cache/chrony/usr/sbin/chronyd ] && exit 0
mkdir -p .cache
exec 9>.cache/setup.lock
flock 9
rm -rf .cache/chrony .cache/chrony.unpacking
mkdir .cache/chrony.unpacking
cd .cache/chrony.unpacking
for try in 1 2 3 4; do
    apt-get -qq -o APT::Sandbox::User="$(id -un)" download chrony && break
    echo "setup: try $try of 4 to fetch chrony failed"
    sleep $((try * 3))
done
ls chrony_*.deb >/dev/null 2>&1 || { echo "setup: chrony cannot be fetched" >&2
    echo "  remedy: apt-get update, check the link, and run make setup again" >&2; exit 1; }
dpkg -x chrony_*.deb .
mv "$PWD" ../chrony
