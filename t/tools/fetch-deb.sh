#!/bin/sh
#
# fetch-deb.sh SUITE PACKAGE DIR: a package of another Debian suite, unpacked
# into DIR, through an apt state of its own

set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$(dirname "$0")/../../docker/apt-state.sh" "$dir" "$1" deb

(cd "$dir" && APT_CONFIG=$dir/apt.conf apt-get download -qq "$2")

mkdir -p "$3"
dpkg-deb -x "$dir"/*.deb "$3"
