#!/usr/bin/env python3
"""Everything: make test, and what takes longer or needs more.

    full.py [stage ...]        all of them, in this order, when none is named
    full.py --list

Each stage prints what it runs and its own figures; one whose tool is not to
be had here is skipped, with the reason.  The last line adds up:
"N passed, M failed".  FUZZ_SECONDS (60) is for each fuzzer.
"""

import os
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

FIGURES = re.compile(r"^(\d+) passed, (\d+) failed")
MAKE = ["make", "--no-print-directory"]
RUN = "t/tools/run.py"


class Skip(Exception):
    pass


class Stage:
    """the figures of the commands that a stage runs"""

    def __init__(self):
        self.passed = self.failed = 0

    def run(self, *command, **env):
        print("$ " + " ".join(["%s=%s" % e for e in env.items()]
                              + list(command)), flush=True)
        passed, failed = self.passed, self.failed

        proc = subprocess.Popen(command, cwd=ROOT, text=True,
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, errors="replace",
                                env=dict(os.environ, **env))

        for line in proc.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            m = FIGURES.match(line)

            if m:
                self.passed += int(m.group(1))
                self.failed += int(m.group(2))

        if proc.wait() and self.failed == failed:
            print("exit code %d" % proc.returncode)
            self.failed += 1

        return self.passed > passed and self.failed == failed

    def build(self, *command, **env):
        """a command without figures, without which there is no stage"""

        failed = self.failed
        self.run(*command, **env)
        return self.failed == failed


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Skip("there is no %s" % tool)


def need_root():
    if os.geteuid() != 0:
        raise Skip("it needs root")


# --- stages ---

def test(stage):
    """what make test runs"""

    stage.run(RUN)


def clang(stage):
    """pure code and its tests by clang, the stack full of a pattern"""

    need("clang")

    if stage.build(*MAKE, "-j%d" % os.cpu_count(), "B=build/clang",
                   "CC=clang", "unit",
                   "CFLAGS=-O2 -g -ftrivial-auto-var-init=pattern"):
        stage.run(RUN, "unit", BUILD="build/clang")


def hup(stage):
    """the .t suite in one nginx that is reloaded for each test"""

    # USR1 must have been seen before HUP comes: nginx takes the latter first
    stage.run(RUN, "nginx", TEST_NGINX_USE_HUP="1", TEST_NGINX_SLEEP="0.1")


def valgrind(stage):
    """the .t suite under valgrind"""

    need("valgrind")
    stage.run("t/tools/valgrind.sh")


def asan(stage):
    """nginx and the module with AddressSanitizer and UBSan"""

    stage.run("t/tools/asan.sh")


def chaos(stage):
    """nothing is lost whatever dies, and budgets hold, the long way"""

    stage.run(RUN, "behaviour", "--only", "chaos", "--limit", "3600",
              GENAI_FULL="1")
    stage.run(RUN, "behaviour", "--only", "budget_", "--limit", "3600",
              GENAI_FULL="1")


def otelcol(stage):
    """a real OpenTelemetry Collector reads what the sinks write"""

    need("go")

    if stage.build("t/otelcol/build.sh"):
        stage.run(RUN, "behaviour", "--only", "otelcol")


def sdk(stage):
    """Anthropic's and OpenAI's SDKs beside AWS's"""

    if stage.build("t/sim/clients/install.sh", "python", "js",
                   "python-full"):
        stage.run(RUN, "behaviour", "--only", "sdk")


def trixie(stage):
    """Debian 13's nginx, 1.26"""

    need_root()
    need("mmdebstrap", "chroot")
    stage.run("t/tools/suite.sh", "trixie")


def sid(stage):
    """sid's nginx, 1.30"""

    need_root()
    need("mmdebstrap", "chroot")
    stage.run("t/tools/suite.sh", "sid")


def containers(stage):
    """docker/: images built, the demo run"""

    if not shutil.which("podman") and subprocess.call(
            ["docker", "info"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL):
        raise Skip("there is no podman, and no docker with an engine")

    stage.run("t/tools/containers.sh")


def fuzz(stage):
    """every parser fuzzed"""

    need("clang")
    stage.run(*MAKE, "fuzz",
              "SECONDS=" + os.environ.get("FUZZ_SECONDS", "60"))


STAGES = [test, clang, hup, valgrind, asan, otelcol, sdk, trixie, sid,
          containers, chaos, fuzz]
GROUPS = {"suites": ["trixie", "sid"]}


def main():
    names = [s.__name__ for s in STAGES]
    wanted = []

    if sys.argv[1:] == ["--list"]:
        for s in STAGES:
            print("%-12s %s" % (s.__name__, s.__doc__))
        return 0

    for arg in sys.argv[1:] or names:
        wanted += GROUPS.get(arg, [arg])

    unknown = set(wanted) - set(names)

    if unknown:
        sys.exit("no stage %s, there are: %s"
                 % (", ".join(sorted(unknown)), " ".join(names)))

    results = []

    for s in STAGES:
        if s.__name__ not in wanted:
            continue

        print("\n=== %s: %s" % (s.__name__, s.__doc__), flush=True)
        stage, why, begin = Stage(), "", time.time()

        try:
            s(stage)
            if not stage.passed and not stage.failed:
                print("nothing was tested")
                stage.failed = 1
        except Skip as e:
            why = str(e)
            print("skipped: " + why)

        results.append((s.__name__, stage, why, time.time() - begin))

    print("\n=== all")

    for name, stage, why, took in results:
        print("%-12s %s" % (name, "skipped: " + why if why else
              "%5d passed, %d failed  %5.0f s"
              % (stage.passed, stage.failed, took)))

    passed = sum(r[1].passed for r in results)
    failed = sum(r[1].failed for r in results)
    skipped = sum(bool(r[2]) for r in results)

    print()
    print("%d passed, %d failed%s" % (
        passed, failed, ", %d skipped" % skipped if skipped else ""))

    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
