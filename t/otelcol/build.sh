#!/bin/sh
# Builds what t/behaviour/otelcol.py needs: build/otelcol (a real OpenTelemetry
# Collector; two minutes and Go 1.26, once) and build/otlp_send (our sinks
# with known calls).  Both are kept until their sources change.

set -e

cd "$(dirname "$0")/../.."
mkdir -p build

src=t/otelcol
bin=build/otelcol

if [ ! -x $bin ] || [ -n "$(find $src/main.go $src/go.mod $src/go.sum \
                             -newer $bin)" ]
then
    command -v go > /dev/null || {
        echo "$0: the collector needs Go 1.26" >&2
        exit 1
    }

    (cd $src && GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -p 1 -trimpath \
        -buildvcs=false -ldflags '-s -w' -o ../../$bin .)
fi

make --no-print-directory -s build/libgenai.a

if [ ! -x build/otlp_send ] || [ -n "$(find $src/send.c build/libgenai.a \
                                        -newer build/otlp_send)" ]
then
    ${CC:-gcc} -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Werror \
        -Isrc/lib -Isrc/export -Ibuild/gen $src/send.c build/libgenai.a \
        -lcurl -lprotobuf-c -lcjson -lssl -lcrypto -lz -lm -lpthread \
        -o build/otlp_send
fi
