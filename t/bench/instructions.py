#!/usr/bin/env python3
"""Instructions that the worker spends on a request, by callgrind: the same
requests through a location without genai, through one with it, and through
one with a budget as well.

    instructions.py [--profile FILE] [--requests N] [--record]

Unlike time, the figure is the same on every machine and under any load: it
is compared with instructions.ceiling beside this file, and the exit code is 1
above it.  --record writes the ceiling anew, a tenth above what is measured.
--profile writes callgrind's own list of functions.  Prints TAP.
"""

import argparse
import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gateways
import harness

CEILING = os.path.join(gateways.HERE, 'instructions.ceiling')


class Connection:
    """One keepalive connection; answers are read to their last byte."""

    def __init__(self, port, scenario):
        self.request = gateways.request_bytes(scenario)
        self.answer = len(scenario.answer)
        self.socket = socket.create_connection(('127.0.0.1', port), 60)
        self.file = self.socket.makefile('rb')

    def ask(self, times):
        for _ in range(times):
            self.socket.sendall(self.request)
            status = self.file.readline()
            if b' 200 ' not in status:
                raise harness.Problem('answer: %r' % status)
            length = None
            while True:
                line = self.file.readline()
                if line == b'\r\n':
                    break
                if line.lower().startswith(b'content-length:'):
                    length = int(line.split(b':')[1])
            length = self.chunks() if length is None \
                else len(self.file.read(length))
            if length != self.answer:
                raise harness.Problem('length %d' % length)

    def chunks(self):
        length = 0
        while True:
            size = int(self.file.readline(), 16)
            self.file.read(size + 2)
            if size == 0:
                return length
            length += size


class Counted:
    """A gateway whose worker runs in callgrind."""

    def __init__(self, name, directory, ports):
        self.directory = os.path.join(directory, name + '-callgrind')
        os.mkdir(self.directory)
        self.gateway = gateways.Gateway(name, directory, ports, [
            'valgrind', '--tool=callgrind', '-q',
            # its signal is USR1
            '--dump-before=ngx_reopen_files',
            '--callgrind-out-file=' + self.directory + '/out.%p'])

    def dump(self):
        """What was counted since the last dump: the path of the list."""
        pattern = '%s/out.%d.*' % (self.directory, self.gateway.worker)
        old = set(glob.glob(pattern))

        # a signal that comes before the worker sleeps waits for an event
        for _ in range(10):
            time.sleep(0.2)
            os.kill(self.gateway.worker, signal.SIGUSR1)
            with contextlib.suppress(harness.Problem):
                return harness.wait_for('a dump', 3, lambda: next(
                    (f for f in glob.glob(pattern) if f not in old
                     and totals(f)), None))

        raise harness.Problem('callgrind wrote no dump')

    def measure(self, scenario, requests, profile=None):
        """Instructions per request, averaged over so many"""
        c = Connection(self.gateway.ports[scenario.upstream], scenario)
        c.ask(64)
        self.dump()
        c.ask(requests)
        path = self.dump()
        if profile:
            annotate(path, profile)
        return totals(path) / requests


def totals(path):
    with open(path) as f:
        m = re.search(r'^(?:totals|summary): *(\d+)', f.read(), re.M)
    return int(m.group(1)) if m else 0


def annotate(path, profile):
    for suffix, option in (('inclusive', ['--inclusive=yes']),
                           ('exclusive', [])):
        with open('%s.%s' % (profile, suffix), 'w') as f:
            subprocess.run(['callgrind_annotate', '--threshold=100',
                            '--auto=no', *option, path],
                           stdout=f, stderr=subprocess.DEVNULL)


def ceilings():
    out = {}
    with open(CEILING) as f:
        for line in f:
            if line.strip() and line[0] != '#':
                name, value = line.split()
                out[name] = int(value)
    return out


def record(found):
    with open(CEILING, 'w') as f:
        f.write('# instructions that genai adds to a request, at most: '
                'instructions.py --record\n')
        for name, added in found:
            f.write('%s %d\n' % (name, round(added * 1.1, -2)))


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--profile', metavar='FILE')
    p.add_argument('--requests', type=int, default=640,
                   help='a multiple of 64, of which one times itself')
    p.add_argument('--record', action='store_true')
    o = p.parse_args()

    list_ = [s for s in gateways.scenarios()
             if s.name in ('converse-1k', 'stream-burst')]
    found = []

    with contextlib.ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix='genai-instructions-')
        stack.callback(shutil.rmtree, directory, True)
        background = gateways.Background(
            next(s.events for s in list_ if s.events))
        stack.callback(background.stop)

        ports = dict(background.ports, static=harness.free_port())
        upstream = gateways.static_upstream(directory, ports['static'], list_)
        stack.callback(upstream.stop)

        measured = {}
        for name in ('off', 'on', 'budget'):
            counted = Counted(name, directory, ports)
            try:
                for s in list_[:1] if name == 'budget' else list_:
                    profile = o.profile and '%s.%s.%s' % (o.profile, name,
                                                          s.name)
                    measured[name, s.name] = counted.measure(
                        s, o.requests, profile)
            finally:
                counted.gateway.stop()

    for s in list_:
        off, on = measured['off', s.name], measured['on', s.name]
        print('# %s: off %d, on %d, added %d instructions per request'
              % (s.name, off, on, on - off))
        found.append((s.name, on - off))

    # a budget's share does not depend on the answer
    on, budget = (measured[name, 'converse-1k'] for name in ('on', 'budget'))
    found.append(('budget', budget - on))
    print('# budget: on %d, with a budget %d, added %d instructions per '
          'request' % (on, budget, budget - on))

    if o.record:
        record(found)

    limit = ceilings()
    good = True
    for i, (name, added) in enumerate(found, 1):
        fine = name in limit and 0 < added <= limit[name]
        good = good and fine
        print('%sok %d - %s: %d instructions added, ceiling %d'
              % ('' if fine else 'not ', i, name, added,
                 limit.get(name, 0)))
    print('1..%d' % len(found))
    return 0 if good else 1


if __name__ == '__main__':
    try:
        if not shutil.which('valgrind'):
            print('1..0 # SKIP no valgrind')
            sys.exit(0)
        sys.exit(main())
    except harness.Problem as e:
        print('not ok 1 - measured\n# %s\n1..1' % e)
        sys.exit(1)
