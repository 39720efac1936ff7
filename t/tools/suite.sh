#!/bin/bash
#
# suite.sh SUITE
#
# The nginx of another Debian suite, in a throw-away root: the module is built
# there against that suite's nginx-dev, then the .t suite and the chaos test
# run against that nginx and that module, from here.

set -eu

suite=$1

cd "$(dirname "$0")/../.."

root=$(t/tools/debian-root.sh "$suite" $(docker/install-deps.sh --list build))
work=$root/genai

# --- the module, inside ---

mkdir -p "$work"
rm -rf "$work"/src
cp -a config Makefile src docker t conf.examples "$work/"

# (the packages are there: no level of install-deps.sh does anything)
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    make --no-print-directory -C /genai build

module=$work/build/nginx/ngx_http_genai_module.so

# --- nginx with its own loader and libraries ---

loader=$(echo "$root"/lib*/ld-linux-*.so.*)
libs=$(dirname "$(find "$root/usr/lib" -name libc.so.6 | head -n 1)")
wrapper=$root/nginx

cat > "$wrapper" <<WRAPPER
#!/bin/sh
exec "$loader" --argv0 "$wrapper" --library-path "$libs" \\
    "$root/usr/sbin/nginx" "\$@"
WRAPPER
chmod +x "$wrapper"

"$wrapper" -v 2>&1

# --- from here ---

export TEST_NGINX_BINARY=$wrapper GENAI_MODULE=$module

rc=0
t/tools/run.py nginx || rc=$?
t/tools/run.py behaviour --only chaos || rc=$?
t/tools/run.py behaviour --only transparency || rc=$?

exit $rc
