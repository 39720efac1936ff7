#!/usr/bin/env python3
"""The examples for Prometheus: promtool takes configuration and rules, every
alert fires on what it is for and on nothing else, knows only metrics that
the module has, and has its paragraph in RUNBOOK.md.
"""

import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
os.chdir(ROOT)

sys.path.insert(0, "t/tools")
sys.dont_write_bytecode = True

import docs_check  # noqa: E402

DIR = "conf.examples/observability/prometheus/"
TESTS = "t/behaviour/lib/alerts_test.yml"

number = failed = 0


def ok(good, name, why=""):
    global number, failed
    number += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", number, name))

    if not good:
        for line in str(why).splitlines()[:40]:
            print("# " + line)


def promtool(*args):
    done = subprocess.run(["promtool", *args], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


if shutil.which("promtool") is None:
    print("1..0 # skip no promtool")
    sys.exit(0)

good, said = promtool("check", "config", DIR + "scrape.yml")
ok(good, "promtool takes scrape.yml and its rules", said)

good, said = promtool("test", "rules", TESTS)
ok(good, "every alert fires when it should, and only then", said)

rules = read(DIR + "alerts.yml")
alerts = set(re.findall(r"- alert: (\w+)", rules))
tests = read(TESTS)

tested = set(re.findall(r"alertname: (\w+)", tests))
ok(alerts and alerts == tested, "no alert is without a test",
   alerts ^ tested)

told = set(re.findall(r"^## (Genai\w+)",
                      read("conf.examples/observability/RUNBOOK.md"), re.M))
ok(alerts <= told, "each alert has its paragraph in RUNBOOK.md",
   alerts - told)
ok(told <= alerts, "RUNBOOK.md has no alert that is not there",
   told - alerts)

known = set()
for f in docs_check.families():
    known |= {f, f + "_total", f + "_bucket"}

used = set(re.findall(r"\b(genai_\w+)", re.sub(r"#.*|summary: .*", "", rules)))
ok(used and used <= known, "alerts know only metrics that are there (%d)"
   % len(used), used - known)

print("1..%d" % number)
sys.exit(1 if failed else 0)
