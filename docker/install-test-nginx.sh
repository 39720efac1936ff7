#!/bin/sh
# Test::Nginx is packaged in Debian's sid only.  It is fetched through an apt
# state of its own and installed with this machine's own sources.

set -eu

perl -MTest::Nginx::Socket -e 1 2>/dev/null && exit 0

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"$(dirname "$0")/apt-state.sh" "$dir" sid deb

(cd "$dir" && APT_CONFIG=$dir/apt.conf apt-get download -qq libtest-nginx-perl)

DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    "$dir"/libtest-nginx-perl_*.deb
