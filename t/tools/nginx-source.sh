#!/bin/bash
#
# nginx-source.sh VERSION DIR: Debian's source package of nginx, unpacked in
# DIR, through an apt state of its own.

set -eu

version=$1
dir=$2

[ -x "$dir/configure" ] && exit 0

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT

case $version in
    1.22.*) suite=bookworm ;;
    1.26.*) suite=trixie ;;
    *)      suite=sid ;;
esac

"$(dirname "$0")/../../docker/apt-state.sh" "$state" $suite deb-src

cd "$state"
APT_CONFIG=$state/apt.conf apt-get source -qq --download-only \
    "nginx=$version"

mkdir -p "$(dirname "$dir")"
rm -rf "$dir"
dpkg-source --no-check -x nginx_*.dsc "$dir" > /dev/null

# Debian's tree keeps upstream's script where it was
[ -x "$dir/configure" ] || { [ -f "$dir/auto/configure" ] \
    && ln -s auto/configure "$dir/configure"; }
