#!/bin/bash
#
# What a reviewer would otherwise have to look for.

set -u

cd "$(dirname "$0")/../.." || exit 1

bad=0

complain() {
    bad=1
    echo "$1"
    echo "$2" | head -20 | sed 's/^/    /'
}

check() {    # text, output of a search that must find nothing
    [ -z "$2" ] || complain "$1" "$2"
}

check "ngx_ outside src/nginx:" \
    "$(grep -nE '\bngx_[a-z]' -r src/lib src/export \
       | grep -v '"ngx_http_genai_module"')"

check "curl or protobuf outside src/export:" \
    "$(grep -nE 'include <(curl|protobuf-c)/' -r src/lib src/nginx)"

check "cJSON where bodies are parsed:" \
    "$(grep -lE 'include <cjson/' -r src/lib src/nginx \
       | grep -vE 'genai_(price_file|budget_request)')"

check "src/lib or src/export includes what stands above it:" \
    "$(grep -nE 'include ".*(export|nginx)/' -r src/lib
       grep -nE 'include ".*nginx/' -r src/export)"

check "facts that a span reads and no record carries:" \
    "$(comm -23 <(grep -ohE '\bc->[a-z_0-9]+|ROW_[A-Z0-9]+, [a-z_0-9]+' \
                      src/export/genai_span*.c | sed 's/.*[> ]//' | sort -u) \
                <(grep -oE '[a-z_0-9]+' src/lib/genai_record.c | sort -u))"

check "lines over 79 columns:" \
    "$(LC_ALL=C.UTF-8 grep -nE '.{80,}' -r src t --include='*.[ch]')"

check "tabs or blanks at the end of a line:" \
    "$(grep -nE '	| +$' -r src t --include='*.[ch]')"

check "files over 900 lines:" \
    "$(wc -l src/*/*.[ch] t/*/*.[ch] | awk '$1 > 900 && $2 != "total"')"

check "functions over 110 lines:" \
    "$(awk 'FNR == 1 { start = 0 }
            /^{/ { start = FNR }
            /^}/ { if (start && FNR - start > 110)
                       print FILENAME ":" start ": " FNR - start " lines"
                   start = 0 }' src/*/*.c)"

check "marks of unfinished work:" \
    "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' -r src t docker config Makefile \
       --include='*' 2>/dev/null | grep -v 't/tools/')"

# both compilers, all warnings, our own files; nginx's headers are a system's

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

src=/usr/share/nginx/src/src
flags="-std=gnu11 -O2 -Wall -Wextra -Wshadow -Werror -Isrc/lib -Isrc/export
       -Ibuild/gen"
objs=build/nginx
inc=

for d in core event event/modules os/unix http http/modules http/v2; do
    inc="$inc -isystem $src/$d"
done

for cc in gcc clang; do
    command -v $cc >/dev/null || continue

    for f in src/lib/*.c src/export/*.c; do
        said=$($cc $flags -c "$f" -o "$out/o.o" 2>&1) \
            || complain "$cc on $f:" "$said"
    done

    [ -f $objs/ngx_auto_config.h ] || continue

    for f in src/nginx/*.c; do
        said=$($cc $flags -Wno-unused-parameter $inc -isystem $objs \
               -c "$f" -o "$out/o.o" 2>&1) || complain "$cc on $f:" "$said"
    done
done

so=build/nginx/ngx_http_genai_module.so

if [ -f $so ]; then
    check "symbols that leave the module:" \
        "$(nm -D --defined-only $so | awk '{ print $NF }' \
           | grep -vE '^ngx_(modules|module_names|module_order)$')"

    readelf -d $so | grep -q NODELETE \
        || complain "the module may be unmapped:" "no NODELETE flag"
fi

[ $bad = 0 ] && echo "lint: nothing to say"
exit $bad
