#!/bin/bash
# Unpacks what the lab's guest is made of into .cache/lab/guest: Debian's own arm64 kernel, Python,
# ALSA library and busybox, from the machine's Debian source, and the aarch64 wheel of what a node
# needs (gpiod).
set -euo pipefail
cd "$(dirname "$0")/../.."
PACKAGES="linux-image-arm64 python3 libasound2 busybox-static dosfstools"
[ -L .cache ] || mkdir -p .cache
mkdir -p .cache/lab
top=$(readlink -f .cache/lab)
exec 9>"$top/lock"
flock 9
want=$(sha256sum tests/lab/fetch.sh | cut -d' ' -f1)
[ "$(cat "$top/stamp" 2>/dev/null)" = "$want" ] && exit 0
wheels=$(grep -E '^gpiod==' requirements.lock)
pip=$PWD/.venv/bin/python
mkdir -p "$top/apt/cache/archives/partial" "$top/apt/lists/partial" "$top/wheels"
cd "$top/apt"
touch status
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
uri=$(apt-get indextargets --format '$(CREATED_BY)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' \
    | awk -F'|' -v release="$codename" \
        '$1 == "Packages" && $2 == release && $3 == "main" {print $4; exit}')
[ -n "$uri" ] || { echo "lab: no Debian source in this machine's apt lists" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $uri $codename main" >sources.list
private_apt() {
    apt-get -qq -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o Acquire::Languages=none \
        -o Dir::State::Status="$PWD/status" -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=4 -o APT::Update::Error-Mode=any \
        -o Debug::NoLocking=1 "$@"
}
echo "lab: fetching Debian's arm64 kernel and userland"
private_apt update
# shellcheck disable=SC2086
private_apt install -y --download-only --no-install-recommends $PACKAGES >apt.log
rm -rf "$top/unpacking"
for package in cache/archives/*.deb; do dpkg -x "$package" "$top/unpacking"; done
# shellcheck disable=SC2086
"$pip" -m pip download -q --no-deps --only-binary :all: --platform manylinux_2_17_aarch64 \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_34_aarch64 \
    --python-version 311 -d "$top/wheels" $wheels
for wheel in "$top"/wheels/*.whl; do "$pip" -m zipfile -e "$wheel" "$top/unpacking/lab"; done
rm -rf "$top/guest" && mv "$top/unpacking" "$top/guest" && rm -rf "$top/apt" "$top/wheels"
echo "$want" >"$top/stamp"
