#!/bin/sh
#
# fetch-deb.sh SUITE PACKAGE DIR: a package of another Debian suite, unpacked
# into DIR, through an apt state of its own

set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/parts"
: > "$dir/status"

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
         | grep -v security | head -n 1)

echo "deb $mirror $1 main" > "$dir/sources.list"

cat > "$dir/apt.conf" <<CONF
Dir::State::Lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "$dir/parts";
Dir::Etc::PreferencesParts "$dir/parts";
Dir::Cache "$dir/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
APT::Sandbox::User "root";
CONF

(
    cd "$dir"
    APT_CONFIG=$dir/apt.conf apt-get update -qq
    APT_CONFIG=$dir/apt.conf apt-get download -qq "$2"
)

mkdir -p "$3"
dpkg-deb -x "$dir"/*.deb "$3"
