#!/bin/sh
# The one list of packages: used by make, CI and the images.
#
#   install-deps.sh [--list] run | build | test | full
#
# Each level includes those before it.  Nothing is done when all is there.
# --list prints the packages and does nothing.

set -eu

list=
if [ "${1:-}" = --list ]; then
    list=1
    shift
fi

level=${1:-build}

run="nginx libcurl4 libcjson1 libprotobuf-c1 zlib1g libzstd1 libbrotli1
     ca-certificates"
build="nginx-dev gcc make libc6-dev libcurl4-openssl-dev libcjson-dev
       libprotobuf-c-dev protobuf-c-compiler libssl-dev zlib1g-dev
       libzstd-dev libbrotli-dev"
test="clang libclang-rt-14-dev llvm-14 libpcre2-dev curl python3 python3-venv
      perl wrk apache2-utils nghttp2-client valgrind prometheus
      libyajl-dev libnginx-mod-http-lua lua-cjson
      libnginx-mod-http-js openssl
      dpkg-dev binutils procps lsof nodejs npm git"
full="mmdebstrap podman buildah runc netavark aardvark-dns fuse-overlayfs
      uidmap catatonit golang-go"

case $level in
    run)   want=$run ;;
    build) want="$run $build" ;;
    test)  want="$run $build $test" ;;
    full)  want="$run $build $test $full" ;;
    *)     echo "usage: $0 [--list] run|build|test|full" >&2; exit 2 ;;
esac

if [ -n "$list" ]; then
    echo $want
    exit 0
fi

missing=
for p in $want; do
    case $p in
        # newer suites name these otherwise; a tool on the path will do
        nodejs|npm|golang-go|python3-venv|git|curl)
            tool=$p
            case $p in nodejs) tool=node ;; golang-go) tool=go ;;
                       python3-venv) tool=python3 ;; esac
            command -v $tool >/dev/null 2>&1 && continue ;;
    esac

    # (from trixie on some libraries end in t64)
    dpkg-query -W -f '${Status}\n' "$p" "${p}t64" 2>/dev/null \
        | grep -q '^install ok installed' || missing="$missing $p"
done

sudo=
if [ "$(id -u)" != 0 ]; then
    sudo=sudo
fi

if [ -n "$missing" ]; then
    echo "installing:$missing"
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends $missing
fi

case $level in
    test|full) $sudo "$(dirname "$0")/install-test-nginx.sh" ;;
esac
