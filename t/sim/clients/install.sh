#!/bin/sh
#
# Installs the pinned SDKs: boto3 in build/venv, the JavaScript one in
# build/js; `python-full` adds Anthropic's and OpenAI's in build/venv-full. Does nothing when they are there already. The JavaScript SDK is
# left out, with a word about it, where there is no node of at least 18.
#
# usage: install.sh [python] [js] [python-full]       (default: python js)

set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
build=${BUILD:-$top/build}
what=${*:-python js}

mkdir -p "$build"

# requirements file, directory, import that must work
install_venv() {
    want=$(cksum < "$here/python/$1")

    if [ -x "$build/$2/bin/python" ] \
       && [ "$(cat "$build/$2/.stamp" 2>/dev/null)" = "$want" ]
    then
        return 0
    fi

    rm -rf "${build:?}/$2"
    python3 -m venv "$build/$2"
    "$build/$2/bin/python" -m pip install -q --no-deps \
        --disable-pip-version-check -r "$here/python/$1"
    "$build/$2/bin/python" -c "import $3"
    echo "$want" > "$build/$2/.stamp"
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
    python)
        install_venv requirements.txt venv boto3 ;;
    python-full)
        install_venv requirements-full.txt venv-full "anthropic, openai" ;;
    js)
        install_js ;;
    *)
        echo "usage: install.sh [python] [js] [python-full]" >&2
        exit 2 ;;
    esac
done
