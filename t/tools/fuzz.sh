#!/bin/bash
#
# fuzz.sh SECONDS FUZZER...: each for so long, one after the other; a finding
# is left in build/fuzz/ and fails the run.  The last two lines add up: what
# ran for how long, by the clock, and how it ended.

set -u

seconds=$1
shift

passed=0
failed=0
inputs=0
SECONDS=0                                  # bash's own, make has another

for f in "$@"; do
    name=$(basename "$f")
    name=${name#fuzz_}
    corpus=build/fuzz/corpus/$name
    seeds=t/fuzz/corpus/$name
    dict=t/fuzz/$name.dict
    log=build/fuzz/$name.log

    mkdir -p "$corpus"
    [ -d "$seeds" ] || seeds=

    if "$f" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 \
           -artifact_prefix=build/fuzz/ -print_final_stats=1 \
           $([ -f "$dict" ] && echo "-dict=$dict") \
           "$corpus" $seeds > "$log" 2>&1
    then
        passed=$((passed + 1))
        runs=$(awk '/number_of_executed_units/ { print $2 }' "$log")
        inputs=$((inputs + runs))
        echo "ok $name: $runs inputs in $seconds s"
    else
        failed=$((failed + 1))
        echo "not ok $name:"
        grep -aE 'ERROR|SUMMARY|runtime error|Test unit written' "$log" \
            | head -8 | sed 's/^/    /'
    fi
done

echo "$# parsers, $SECONDS s in total, $inputs inputs"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
