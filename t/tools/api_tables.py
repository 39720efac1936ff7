#!/usr/bin/env python3
"""Prints what is read of which API and family, as Markdown, from the tables
in the code.  With --check FILE: whether FILE has it between its markers
<!-- apis --> and <!-- /apis -->; with --write FILE: puts it there."""

import glob
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MARKS = ("<!-- apis -->", "<!-- /apis -->")


def table():
    lib = os.path.join(ROOT, "src", "lib")
    sources = [os.path.join(ROOT, "t", "tools", "api_tables.c"),
               os.path.join(lib, "genai_call.c")]
    for pattern in ("genai_api*.c", "genai_json*.c"):
        sources += sorted(glob.glob(os.path.join(lib, pattern)))
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "api_tables")
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-I",
                        lib] + sources + ["-lm", "-o", out], check=True)
        return subprocess.run([out], check=True, capture_output=True,
                              text=True).stdout


def main():
    text = table()
    if len(sys.argv) < 3:
        sys.stdout.write(text)
        return 0
    with open(sys.argv[2], encoding="utf-8") as f:
        old = f.read()
    before, rest = old.split(MARKS[0], 1)
    inside, after = rest.split(MARKS[1], 1)
    if sys.argv[1] == "--check":
        return inside.strip() != text.strip()
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write("%s%s\n\n%s\n%s%s" % (before, MARKS[0], text, MARKS[1],
                                      after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
