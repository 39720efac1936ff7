#!/bin/sh
# What a request costs, counted in instructions, against a recorded ceiling.

exec "$(dirname "$0")/../bench/instructions.py"
