#!/bin/bash
#
# The .t suite under valgrind: what is lost for good or read where it must
# not be.  Test::Nginx never fails for it, so each process has a log file of
# its own and none may say anything.

set -eu

cd "$(dirname "$0")/../.."

logs=$(mktemp -d)
chmod 1777 "$logs"
trap 'rm -rf "$logs"' EXIT

export TEST_NGINX_USE_VALGRIND="--num-callers=40 --keep-debuginfo=yes \
--leak-check=full --show-leak-kinds=definite \
--errors-for-leak-kinds=definite --suppressions=$PWD/t/valgrind.suppress \
--log-file=$logs/vg.%p.log"
export TEST_NGINX_TIMEOUT=20 TEST_NGINX_SLEEP=1

rc=0
t/tools/run.py nginx --jobs 2 "$@" || rc=$?

made=$(find "$logs" -name 'vg.*.log' | wc -l)
bad=$(find "$logs" -name 'vg.*.log' -size +0 | wc -l)

for f in $(find "$logs" -name 'vg.*.log' -size +0 | head -n 5); do
    head -60 "$f"
done

echo "$((made - bad)) passed, $bad failed (processes under valgrind)"

[ "$made" -gt 0 ] && [ "$bad" = 0 ] && [ $rc = 0 ]
