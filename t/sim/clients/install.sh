#!/bin/sh
#
# Installs the pinned SDKs: boto3 in build/venv, the JavaScript one in
# build/js. Does nothing when they are there already. The JavaScript SDK is
# left out, with a word about it, where there is no node of at least 18.
#
# usage: install.sh [python] [js]       (default: both)

set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
build=${BUILD:-$top/build}
what=${*:-python js}

mkdir -p "$build"

install_python() {
    want=$(cksum < "$here/python/requirements.txt")

    if [ -x "$build/venv/bin/python" ] \
       && [ "$(cat "$build/venv/.stamp" 2>/dev/null)" = "$want" ]
    then
        return 0
    fi

    rm -rf "$build/venv"
    python3 -m venv "$build/venv"
    "$build/venv/bin/python" -m pip install -q --no-deps \
        --disable-pip-version-check -r "$here/python/requirements.txt"
    "$build/venv/bin/python" -c 'import boto3'
    echo "$want" > "$build/venv/.stamp"
}

install_js() {
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)

    if [ "$major" -lt 18 ] || ! command -v npm >/dev/null; then
        echo "clients: no node >= 18 with npm here," \
             "the JavaScript SDK is left out" >&2
        return 0
    fi

    want=$(cksum < "$here/js/package-lock.json")

    if [ -d "$build/js/node_modules" ] \
       && [ "$(cat "$build/js/.stamp" 2>/dev/null)" = "$want" ]
    then
        return 0
    fi

    rm -rf "$build/js"
    mkdir -p "$build/js"
    cp "$here/js/package.json" "$here/js/package-lock.json" "$build/js/"
    (cd "$build/js" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    echo "$want" > "$build/js/.stamp"
}

for w in $what; do
    case $w in
    python|js)
        "install_$w" ;;
    *)
        echo "usage: install.sh [python] [js]" >&2
        exit 2 ;;
    esac
done
