#!/bin/bash
#
# Configures and makes the module, against Debian's nginx-dev or a tree of
# nginx's sources.
#
#   configure.sh MODULE_DIR BUILD_DIR [NGX_SRC]
#   configure.sh --make BUILD_DIR [NGX_SRC]

set -eu

debian=/usr/share/nginx/src

if [ "$1" = --make ]; then
    out=$2
    src=${3:-$debian}

    exec make -j"$(nproc)" -f "$out/Makefile" -C "$src" modules
fi

module=$1
out=$2
src=${3:-$debian}

if [ ! -x "$src/configure" ]; then
    echo "$src has no configure: install nginx-dev, or give NGX_SRC=" >&2
    exit 1
fi

cd "$src"

if [ -f conf_flags ]; then

    # Debian: its own flags, so that the signature is its nginx's
    . ./conf_flags

    exec ./configure "${NGX_CONF_FLAGS[@]}" \
        --with-cc-opt="$(dpkg-buildflags --get CFLAGS) -fPIC \
                       $(dpkg-buildflags --get CPPFLAGS)" \
        --with-ld-opt="$(dpkg-buildflags --get LDFLAGS) -fPIC" \
        --add-dynamic-module="$module" --builddir="$out"
fi

exec ./configure --with-compat --with-http_ssl_module --with-http_v2_module \
    --with-threads --with-debug --with-http_realip_module \
    --with-cc-opt="-O2 -g -fPIC" --add-dynamic-module="$module" \
    --builddir="$out"
