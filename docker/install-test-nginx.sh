#!/bin/sh
# Test::Nginx is packaged in Debian's sid only.  It is fetched through an apt
# state of its own, so that nothing of sid stays in /etc/apt, and installed
# with this machine's own sources.

set -eu

perl -MTest::Nginx::Socket -e 1 2>/dev/null && exit 0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/parts"
: > "$dir/status"

# the mirror that this machine uses already
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
         | grep -v security | head -n 1)

echo "deb $mirror sid main" > "$dir/sources.list"

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
    APT_CONFIG=$dir/apt.conf apt-get download -qq libtest-nginx-perl
)

DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    "$dir"/libtest-nginx-perl_*.deb
