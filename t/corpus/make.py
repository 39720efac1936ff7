#!/usr/bin/env python3
"""Writes the corpus: bodies of every operation and family with their facts.

Run it after a change and commit what it wrote; t/unit/test_corpus.c reads
the files.  Bodies follow the recorded or documented shapes of each provider;
no text in them was said by anybody.
"""

import glob
import importlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus                                              # noqa: E402

MODULES = ["cases_converse", "cases_claude", "cases_embed", "cases_error",
           "cases_family"]


def main():
    for kind in ("req", "res", "facts"):
        for path in glob.glob(os.path.join(corpus.HERE, "*", "*." + kind)):
            os.unlink(path)
    n = 0
    for module in MODULES:
        for case in importlib.import_module(module).cases():
            case.write()
            n += 1
    print("%d cases" % n)


if __name__ == "__main__":
    main()
