#!/bin/bash
#
# The .t suite on an nginx built with AddressSanitizer and UBSan, the module
# linked into it, every allocation from a pool an allocation of its own.

set -eu

cd "$(dirname "$0")/../.."

root=$PWD
src=$root/build/src/nginx-1.22.1
out=$root/build/asan
version=1.22.1-9+deb12u9

t/tools/nginx-source.sh $version "$src"

mkdir -p "$out"

# (memcpy(p, NULL, 0) at nginx's start is what the fourth flag is for)
flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined"
flags="$flags -fno-sanitize=nonnull-attribute"
flags="$flags -fno-sanitize-recover=undefined -DNGX_DEBUG_PALLOC=1"
# nginx's HTTP/2 writes words where they fall
flags="$flags -DNGX_HAVE_NONALIGNED=0"

if [ "$flags" != "$(cat "$out/flags" 2>/dev/null)" ]; then
    rm -rf "$out"
    mkdir -p "$out"
    echo "$flags" > "$out/flags"
fi

if [ ! -f "$out/Makefile" ] || [ config -nt "$out/Makefile" ] \
    || [ t/tools/asan.sh -nt "$out/Makefile" ] \
    || [ "$(ls src/*/*.c | md5sum)" != "$(cat "$out/sources" 2>/dev/null)" ]
then
    ls src/*/*.c | md5sum > "$out/sources"

    ( cd "$src" && GENAI_GEN=$root/build/gen ./configure \
        --builddir="$out" --with-debug --with-compat --with-threads \
        --with-http_ssl_module --with-http_v2_module \
        --with-http_realip_module --with-http_auth_request_module \
        --with-http_slice_module --with-http_sub_module \
        --with-http_addition_module --with-http_gunzip_module \
        --with-cc-opt="$flags" \
        --with-ld-opt='-fsanitize=address,undefined' \
        --add-module="$root" ) > "$out/configure.log" 2>&1 \
        || { tail "$out/configure.log"; exit 1; }
fi

make -j"$(nproc)" -f "$out/Makefile" -C "$src" > "$out/make.log" 2>&1 \
    || { grep -E 'error' "$out/make.log" | head; exit 1; }

logs=$(mktemp -d)
chmod 1777 "$logs"
trap 'rm -rf "$logs"' EXIT

# 72 bytes for each location with a regex are nginx 1.22's own
echo 'leak:ngx_regex_malloc' > "$logs/suppressions"

export TEST_NGINX_BINARY=$out/nginx GENAI_MODULE=static
export ASAN_OPTIONS=detect_leaks=1,log_path=$logs/asan,abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1,log_path=$logs/ubsan
export LSAN_OPTIONS=suppressions=$logs/suppressions,print_suppressions=0
export TEST_NGINX_SLEEP=0.2

rc=0
t/tools/run.py nginx --jobs 2 || rc=$?

# LeakSanitizer is for the .t files, which end in one process
export ASAN_OPTIONS=${ASAN_OPTIONS/detect_leaks=1/detect_leaks=0}

for name in t/behaviour/{transparency,edges,options,drain,budget_*}.py; do
    # (of real SDKs there are many, and they wait)
    [ "$name" = t/behaviour/budget_sdk.py ] \
        || t/tools/run.py behaviour --only "$name" || rc=$?
done

# what nginx leaks at exit, in one process, is not ours
bad=0
for f in $(find "$logs" -name '*san*' -type f -size +0); do
    if grep -qE ' in (ngx_http_)?genai_' "$f" \
        || ! grep -q 'LeakSanitizer' "$f"
    then
        bad=$((bad + 1))
        [ $bad -gt 5 ] || head -40 "$f"
    fi
done

[ $bad = 0 ] || { rc=1; echo "$bad reports of sanitizers"; }

exit $rc
