#!/bin/sh
# An apt state of its own, so that nothing of another suite stays in /etc/apt.
#
#   apt-state.sh DIR SUITE deb|deb-src
#
# fills DIR and updates its lists; APT_CONFIG=DIR/apt.conf then reads there.
# The mirror is the one that this machine uses already.

set -eu

dir=$1

mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/parts"
: > "$dir/status"

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
         | grep -v security | head -n 1)

echo "$3 $mirror $2 main" > "$dir/sources.list"

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

APT_CONFIG=$dir/apt.conf apt-get update -qq
