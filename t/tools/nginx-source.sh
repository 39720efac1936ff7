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

mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts"
: > "$state/status"

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
         | grep -v security | head -n 1)

case $version in
    1.22.*) suite=bookworm ;;
    1.26.*) suite=trixie ;;
    *)      suite=sid ;;
esac

echo "deb-src $mirror $suite main" > "$state/sources.list"

cat > "$state/apt.conf" <<CONF
Dir::State::Lists "$state/lists";
Dir::State::status "$state/status";
Dir::Etc::SourceList "$state/sources.list";
Dir::Etc::SourceParts "$state/parts";
Dir::Cache "$state/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF

cd "$state"
APT_CONFIG=$state/apt.conf apt-get update -qq
APT_CONFIG=$state/apt.conf apt-get source -qq --download-only \
    "nginx=$version"

mkdir -p "$(dirname "$dir")"
rm -rf "$dir"
dpkg-source --no-check -x nginx_*.dsc "$dir" > /dev/null

# Debian's tree keeps upstream's script where it was
[ -x "$dir/configure" ] || { [ -f "$dir/auto/configure" ] \
    && ln -s auto/configure "$dir/configure"; }
