#!/bin/bash
# Makes everything `make demo` and `make test` need: Debian packages, .venv, MicroPython.
# Each step leaves a stamp only when it is whole, so a cut run continues where it stopped and a
# finished one costs a blink. Nothing outside this folder changes, but for Debian packages.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian 12's own MicroPython is too old. A mirror between two syncs serves an index that does not
# match its signature: then the next suite, equally signed, is as good.
MICROPYTHON_SUITES="trixie forky"
TRIES_MAX=4

say() { echo "setup: $*"; }
fail() { echo "setup: $1" >&2; echo "  remedy: $2" >&2; exit 1; }

# Run a command until it succeeds; downloads are cut on bad links.
retry() {
    local try
    for try in $(seq "$TRIES_MAX"); do
        if "$@"; then return 0; fi
        [ "$try" = "$TRIES_MAX" ] && return 1
        say "try $try of $TRIES_MAX failed, again in $((try * 3)) s"
        sleep $((try * 3))
    done
}

stamp_of() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_done() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

debian_missing() {
    local wanted
    wanted=$(grep -v '^#' tools/debian-packages.txt)
    command -v python3 >/dev/null || wanted="$wanted python3"
    python3 -c 'import ensurepip' 2>/dev/null || wanted="$wanted python3-venv"
    comm -23 <(echo "$wanted" | xargs -n1 | sort -u) \
        <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null \
            | awk '$2 == "installed" {print $1}' | sort -u)
}

debian_packages() {
    local missing install
    missing=$(debian_missing | xargs)
    [ -z "$missing" ] && return 0
    install="apt-get install -y --no-install-recommends $missing"
    [ "$(id -u)" = 0 ] || fail "Debian packages are missing: $missing" \
        "sudo sh -c 'apt-get update && $install', then make setup again"
    say "installing Debian packages: $missing"
    export DEBIAN_FRONTEND=noninteractive
    retry apt-get -qq update || fail "apt-get update failed" "see the lines above; check the link"
    # shellcheck disable=SC2086
    retry $install >.cache/apt.log 2>&1 || { tail -20 .cache/apt.log >&2
        fail "apt-get install failed" "run it by hand: apt-get update && $install"; }
}

python_environment() {
    local want
    if [ -L .venv ]; then say ".venv is a link: left to its owner"; return 0; fi
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || fail "Python 3.11 or newer is needed" "use Debian 12 or newer"
    want=$({ python3 -VV; stamp_of requirements.lock pyproject.toml tools/setup.sh; pwd; } \
        | stamp_of -)
    is_done .venv/.stamp "$want" && return 0
    if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        say "making .venv"
        rm -rf .venv
        python3 -m venv .venv
    fi
    say "installing $(grep -c == requirements.lock) locked Python packages"
    pip_install -r requirements.lock
    pip_install --no-deps --no-build-isolation -e .
    echo "$want" >.venv/.stamp
}

pip_install() {
    retry .venv/bin/python -m pip install -q --disable-pip-version-check --retries 5 "$@" \
        || fail "pip could not install: $*" "see the lines above; run make setup again to resume"
}

# The machine's own Debian source, whichever form its sources lists have.
debian_uri() {
    local codename
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(CREATED_BY)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)' \
        | awk -F'|' -v release="$codename" \
            '$1 == "Packages" && $2 == release && $3 == "main" {print $4; exit}'
}

# apt with a sources list, index and cache of its own: needs no root, changes no system state.
private_apt() {
    apt-get -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$PWD/lists" -o Dir::Cache="$PWD/cache" -o Acquire::Languages=none \
        -o Dir::State::Status="$PWD/status" \
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 -o APT::Update::Error-Mode=any \
        -o Debug::NoLocking=1 "$@"
}

# micropython BITS ARCHITECTURE LIBRARIES LOADER: unpack and wrap one build of the interpreter.
micropython() {
    local bits=$1 architecture=$2 libraries=$3 loader=$4 uri top want
    top=$PWD/.cache/micropython
    want=$(echo "$MICROPYTHON_SUITES $*" | cat - tools/setup.sh | stamp_of -)
    is_done "$top/$bits.stamp" "$want" && return 0
    uri=$(debian_uri)
    [ -n "$uri" ] || fail "no Debian source in this machine's apt lists" \
        "add Debian's main component to /etc/apt/sources.list"
    rm -rf "$top/$bits" "$top/$bits.unpacking"
    mkdir -p "$top/bin" "$top/fetch-$bits"
    (cd "$top/fetch-$bits" && retry fetch "$uri") \
        || fail "MicroPython ($bits-bit) cannot be fetched" \
        "check the link to Debian's mirror and run make setup again: it resumes"
    for package in "$top/fetch-$bits"/cache/archives/*.deb; do
        dpkg -x "$package" "$top/$bits.unpacking"
    done
    mv "$top/$bits.unpacking" "$top/$bits"
    wrap "$bits" "$libraries" "$loader" >"$top/bin/micropython${bits#64}"
    chmod +x "$top/bin/micropython${bits#64}"
    [ "$("$top/bin/micropython${bits#64}" -c 'print(6 * 7)')" = 42 ] \
        || fail "MicroPython ($bits-bit) does not run here" "the kernel must run $architecture"
    rm -rf "$top/fetch-$bits"
    echo "$want" >"$top/$bits.stamp"
}

# Download the interpreter with all it depends on, from the first suite that offers it whole.
fetch() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite
    mkdir -p cache/archives/partial
    touch status
    for suite in $MICROPYTHON_SUITES; do
        say "fetching MicroPython for $architecture from Debian's $suite"
        echo "deb [signed-by=$keyring] $1 $suite main" >sources.list
        rm -rf lists && mkdir -p lists/partial
        if private_apt update >apt.log 2>&1 && private_apt install -y --download-only \
            --no-install-recommends micropython >>apt.log 2>&1; then return 0; fi
        grep -E '^(E|W):' apt.log >&2 || true
    done
    return 1
}

wrap() {
    cat <<END
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")/../$1
exec "\$here/$2/$3" --library-path "\$here/$2" "\$here/usr/bin/micropython" "\$@"
END
}

main() {
    mkdir -p .cache
    exec 9>.cache/setup.lock
    flock 9
    debian_packages
    python_environment
    [ "$(dpkg --print-architecture)" = amd64 ] \
        || fail "the tests run MicroPython's amd64 and i386 builds" "use an amd64 machine"
    micropython 64 amd64 usr/lib/x86_64-linux-gnu ld-linux-x86-64.so.2
    micropython 32 i386 usr/lib/i386-linux-gnu ld-linux.so.2
}

main "$@"
