#!/usr/bin/env python3
"""Runs the tests and adds up their TAP: the last line is "N passed, M failed".

    run.py [unit|nginx|behaviour|docs ...] [--jobs N] [--only PATTERN]

Every test program prints TAP on standard output.  Two run at once; those of
t/behaviour run alone, since they look at timing and at processes.
"""

import argparse
import concurrent.futures
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

BASE = 19000

LINE = re.compile(r"^(not )?ok\b(?:\s+(\d+))?\s*(?:-\s*)?(.*)$")


def programs(group):
    """(command, extra environment) of each test program of a group"""

    if group == "unit":
        build = os.environ.get("BUILD", "build")
        return [[p] for p in sorted(glob.glob(build + "/unit/test_*"))
                if os.access(p, os.X_OK) and os.path.isfile(p)]

    if group == "nginx":
        return [["perl", p] for p in sorted(glob.glob("t/*.t"))]

    if group == "behaviour":
        found = [p for p in glob.glob("t/behaviour/*")
                 if os.path.isfile(p) and os.access(p, os.X_OK)]
        return [[p] for p in sorted(found)]

    return [["t/tools/docs_check.py"], ["t/sim/test_sim.py"]]


def ports():
    """the first port of a range that no other run uses, and its lock"""

    for base in range(19000, 31000, 1000):
        name = "ngx-test-%d.%d.lock" % (os.getuid(), base)
        lock = open(os.path.join(tempfile.gettempdir(), name), "w")

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return base, lock
        except OSError:
            lock.close()

    sys.exit("too many runs of the tests at once")


def environment(number, scratch):
    """a port and a directory of its own for each Test::Nginx file"""

    env = dict(os.environ)
    so = os.path.join(ROOT, "build/nginx/ngx_http_genai_module.so")

    env.setdefault("TEST_NGINX_BINARY", "/usr/sbin/nginx")
    env.setdefault("GENAI_MODULE", so)
    env["TEST_NGINX_SERVROOT"] = os.path.join(scratch, "servroot%d" % number)
    env["TEST_NGINX_PORT"] = str(BASE + 10 * number)
    env["TEST_NGINX_SERVER_PORT"] = env["TEST_NGINX_PORT"]
    env["GENAI_ROOT"] = ROOT

    return env


def run(command, number, scratch, limit):
    begin = time.time()

    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit,
                              env=environment(number, scratch))
        text, code = done.stdout.decode("utf-8", "replace"), done.returncode

    except subprocess.TimeoutExpired as e:
        text = (e.stdout or b"").decode("utf-8", "replace")
        text += "\nnot ok - did not end within %d s\n" % limit
        code = 0

    passed, failed, skipped, plan = 0, 0, 0, None

    for line in text.splitlines():
        m = LINE.match(line)

        if m:
            if m.group(1):
                failed += "# TODO" not in line
            elif re.search(r"#\s*skip", line, re.I):
                skipped += 1
            else:
                passed += 1

        m = re.match(r"^1\.\.(\d+)(.*)$", line)
        if m:
            plan = int(m.group(1))
            if plan == 0:
                skipped += 1

    if plan is None and not failed:
        failed += 1
        text += "\nnot ok - %s printed no plan\n" % command[-1]
    elif plan is not None and plan != passed + failed + skipped \
            and plan != 0:
        failed += 1
        text += "\nnot ok - planned %d tests, ran %d\n" % (
            plan, passed + failed + skipped - 1)

    if code and not failed:
        failed += 1
        text += "\nnot ok - exit code %d\n" % code

    return command[-1], passed, failed, skipped, time.time() - begin, text


def main():
    args = argparse.ArgumentParser()
    args.add_argument("groups", nargs="*")
    args.add_argument("--jobs", type=int, default=2)
    args.add_argument("--only", default="")
    args.add_argument("--limit", type=int, default=900)
    args = args.parse_args()

    os.chdir(ROOT)

    global BASE
    BASE, lock = ports()

    groups = args.groups or ["unit", "docs", "nginx", "behaviour"]
    scratch = tempfile.mkdtemp(prefix="ngx-test-")
    os.chmod(scratch, 0o755)
    total = [0, 0, 0]
    number = 0
    bad = []

    for group in groups:
        commands = [c for c in programs(group) if args.only in c[-1]]
        jobs = 1 if group == "behaviour" else args.jobs

        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            todo = []
            for c in commands:
                number += 1
                todo.append(pool.submit(run, c, number, scratch, args.limit))

            for f in todo:
                name, passed, failed, skipped, took, text = f.result()
                total[0] += passed
                total[1] += failed
                total[2] += skipped
                print("%-48s %4d passed, %d failed%s  %5.1f s" % (
                    name, passed, failed,
                    ", %d skipped" % skipped if skipped else "", took))

                if failed:
                    bad.append((name, text))
                    tail = text.splitlines()
                    at = [i for i, line in enumerate(tail)
                          if line.startswith("not ok")]
                    keep = set()
                    for i in at[:20]:
                        keep.update(range(max(0, i - 1),
                                          min(len(tail), i + 12)))
                    for i in sorted(keep):
                        print("    " + tail[i][:300])

                sys.stdout.flush()

    shutil.rmtree(scratch, ignore_errors=True)
    lock.close()

    print()
    print("%d passed, %d failed%s" % (
        total[0], total[1],
        ", %d skipped" % total[2] if total[2] else ""))

    sys.exit(1 if total[1] or not total[0] else 0)


if __name__ == "__main__":
    main()
