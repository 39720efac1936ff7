#!/bin/sh
#
# install_conf.sh FILE DIRECTORY: for files that are the operator's to change.
# One that is there and differs stays as it is, ours goes beside it.

set -eu

old=$2/$(basename "$1")

if [ ! -e "$old" ]; then
    install -m 644 "$1" "$old"
    rm -f "$old.new"
    echo "$old"

elif cmp -s "$1" "$old"; then
    rm -f "$old.new"
    echo "$old is up to date"

else
    install -m 644 "$1" "$old.new"
    echo "$old differs and was kept, the new one is $old.new"
fi
