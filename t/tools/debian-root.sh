#!/bin/bash
#
# debian-root.sh SUITE PACKAGE...
#
# A throw-away root of a Debian suite in build/roots/SUITE, made once and made
# again when the packages asked for are others.  The mirror is the one that
# this machine uses.  Prints where it is.

set -eu

suite=$1
shift

cd "$(dirname "$0")/../.."

root=$PWD/build/roots/$suite
stamp=$root.packages

if [ -d "$root/usr" ] && [ "$*" = "$(cat "$stamp" 2>/dev/null)" ]; then
    echo "$root"
    exit 0
fi

if [ "$(id -u)" != 0 ]; then
    echo "$0: a root is made and entered as root" >&2
    exit 1
fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
         | grep -v security | head -n 1)

rm -rf "$root" "$stamp"
mkdir -p "${root%/*}"

# sid's Release file may have expired on a mirror that lags
mmdebstrap --quiet --mode=root --variant=minbase \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --include="$(echo "$@" | tr ' ' ,)" \
    "$suite" "$root" "$mirror" > "$root.log" 2>&1 \
    || { tail -5 "$root.log" >&2; rm -rf "$root"; exit 1; }

echo "$*" > "$stamp"
echo "$root"
