#!/usr/bin/env python3
"""Prometheus' own tools read both expositions without a complaint.

The unit test prints a registry with something in every family; promtool
lints the 0.0.4 text and imports the OpenMetrics text (which it alone of its
commands parses) into a scratch database.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

number = 0
failed = 0


def ok(good, name, why=""):
    global number, failed
    number += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", number, name))

    if not good and why:
        print("".join("# %s\n" % line for line in why.splitlines()[:20]),
              end="")


def generator(scratch):
    """the unit test's program: from the build, or compiled here"""

    built = os.path.join(ROOT, "build/unit/test_metrics_text")

    if os.access(built, os.X_OK):
        return built

    program = os.path.join(scratch, "test_metrics_text")
    sources = glob.glob(os.path.join(ROOT, "src/lib/genai_metrics*.c"))
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O1",
                    os.path.join(ROOT, "t/unit/test_metrics_text.c"),
                    os.path.join(ROOT, "src/lib/genai_call.c")] + sources
                   + ["-lm", "-o", program], check=True)
    return program


def with_times(text):
    """OpenMetrics as a backfill wants it: a timestamp on every sample"""

    lines = []

    for line in text.splitlines():
        if not line.startswith("#"):
            sample, mark, exemplar = line.partition(" # {")
            line = sample + " 1763870000" + mark + exemplar

        lines.append(line)

    return "\n".join(lines) + "\n"


def samples(text):
    found = {}

    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.partition(" # {")[0].rsplit(" ", 1)
            found[name] = value

    return found


def strict(text):
    """the rules of the OpenMetrics text format that importers let pass"""

    wrong = []
    family, kind, closed = None, None, set()
    suffix = {"counter": ("_total",), "gauge": ("",),
              "histogram": ("_bucket", "_sum", "_count")}

    if not text.endswith("\n# EOF\n") or text.count("# EOF") != 1:
        wrong.append("does not end with # EOF")

    for line in text.splitlines()[:-1]:
        m = re.match(r"# (HELP|TYPE|UNIT) (\S+) (.*)$", line)

        if m:
            if m[2] != family:
                closed.add(family)
                family, kind = m[2], None

                if family in closed:
                    wrong.append("family comes twice: " + line)

            if m[1] == "TYPE":
                kind = m[3]

            if m[1] == "UNIT" and not family.endswith("_" + m[3]):
                wrong.append("unit is no suffix: " + line)

            continue

        m = re.match(r'([a-z_]+)(?:\{((?:[a-z_0-9]+="(?:[^"\\\n]|\\[\\"n])*"'
                     r',?)*)\})? (\S+)(?: # \{(.*)\} (\S+) (\S+))?$', line)

        if not m:
            wrong.append("not a sample: " + line)
            continue

        if m[1] not in [family + s for s in suffix.get(kind, ())]:
            wrong.append("not of family %s: %s" % (family, line))

        labels = re.findall(r'([a-z_0-9]+)="', m[2] or "")

        if len(labels) != len(set(labels)):
            wrong.append("a label comes twice: " + line)

        le = re.search(r'[{,]le="([^"]*)"', line)

        if le and le[1] != "+Inf" and not re.search(r"[.e]", le[1]):
            wrong.append("le is not canonical: " + line)

        if m[4] and len(re.sub(r'[="]', "", m[4])) > 128:
            wrong.append("exemplar is too long: " + line)

        if m[5] and le and float(m[5]) > float(le[1].replace("+", "")):
            wrong.append("exemplar is not of its bucket: " + line)

    return wrong


def main():
    scratch = tempfile.mkdtemp(prefix="genai-metrics-")

    try:
        program = generator(scratch)
        plain = subprocess.check_output([program, "sample"]).decode()
        om = subprocess.check_output([program, "openmetrics"]).decode()

        wrong = strict(om)
        ok(not wrong, "OpenMetrics holds to its format", "\n".join(wrong))
        ok(" # {trace_id=" in om, "with exemplars")

        a, b = samples(plain), samples(om)
        ok(a == b and len(a) > 300,
           "both formats say the same in %d samples" % len(a))

        if not shutil.which("promtool"):
            print("ok %d # SKIP promtool is not installed" % (number + 1))
            print("1..%d" % (number + 1))
            return 0

        r = subprocess.run(["promtool", "check", "metrics"],
                           input=plain.encode(), stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        ok(r.returncode == 0 and not r.stdout.strip(),
           "promtool check metrics has no complaint", r.stdout.decode())

        path = os.path.join(scratch, "om.txt")

        with open(path, "w") as f:
            f.write(with_times(om))

        r = subprocess.run(["promtool", "tsdb", "create-blocks-from",
                            "openmetrics", path,
                            os.path.join(scratch, "tsdb")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        ok(r.returncode == 0, "Prometheus parses the OpenMetrics text",
           r.stdout.decode())

        # dump insists on a write-ahead log
        os.mkdir(os.path.join(scratch, "tsdb/wal"))
        r = subprocess.run(["promtool", "tsdb", "dump",
                            os.path.join(scratch, "tsdb")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        dumped = [line for line in r.stdout.decode().splitlines()
                  if line.startswith("{")]
        ok(len(dumped) == len(b),
           "and holds every sample of it (%d)" % len(dumped),
           "%d of %d" % (len(dumped), len(b)))

    finally:
        shutil.rmtree(scratch)

    print("1..%d" % number)

    return failed != 0


sys.exit(main())
