#!/usr/bin/env python3
"""What metering costs: CPU per request of the nginx worker, and of worker and
exporter, beside plain proxy_pass, other ways to meter, and nothing at all.

    run.py [--quick] [--scenario NAME ...] [--rounds N] [--only-gateways]

Every gateway is an nginx of its own with one worker.  In each round each of
them, in turn, gets the same load for a second; the figures are CPU time from
/proc/PID/schedstat, never wall time, and the differences are taken within a
round, so that what else the machine does hits all alike.  The load is far
below what a worker can do.

The run fails when a span is missing: all that was recorded must be written by
the exporter at the end of each round, and nothing dropped.  Being above a bar
fails the run only with --strict: noise of the machine is no fault of a change.
"""

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gateways
import harness

NAMES = ['plain', 'off', 'on', 'lua', 'njs']

TITLES = {
    'plain': 'plain proxy_pass', 'off': 'genai off', 'on': 'genai on',
    'lua': 'Lua script', 'njs': 'njs script',
}

# µs of the worker, µs of worker and exporter, share of what Lua adds
BARS = {
    'converse-1k': (5, 15, None),
    'stream-burst': (15, None, 0.25),
}

STREAM_KB = 4

# so many events of a stream pass before it stands still
HELD = 20

BENCHES = ['bench_json', 'bench_wire', 'bench_export', 'bench_metrics',
           'bench_price']


# --- load ---

def wrk(gateway, scenario, body, seconds, options):
    """Requests of this round."""
    env = dict(os.environ, METER_PATH=scenario.path, METER_BODY=body,
               METER_HOST='gateway.example', METER_DELAY=str(options.delay))
    before = gateway.requests()
    done = subprocess.run(
        ['wrk', '-t', '1', '-c', str(options.connections), '-d',
         '%ds' % seconds, '-s', os.path.join(gateways.HERE, 'post.lua'),
         'http://127.0.0.1:%d' % gateway.ports['burst']],
        env=env, capture_output=True, text=True)
    m = re.search(r'requests=(\d+) errors=(\d+)', done.stdout)
    if not m or int(m.group(2)) or int(m.group(1)) == 0:
        raise harness.Problem('wrk: %s%s' % (done.stdout, done.stderr))
    # one of the two requests for the counter is within
    return lambda: gateway.requests() - before - 1


async def one_stream(port, request, times):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    for _ in range(times):
        writer.write(request)
        head = await reader.readuntil(b'\r\n\r\n')
        if b' 200 ' not in head[:20]:
            raise harness.Problem('answer: %r' % head[:100])
        if b'chunked' not in head.lower():
            raise harness.Problem('not chunked: %r' % head)
        while True:
            size = int((await reader.readuntil(b'\r\n')).strip(), 16)
            await reader.readexactly(size + 2)
            if size == 0:
                break
    writer.close()


def paced(gateway, scenario, options):
    streams, times = options.streams
    request = gateways.request_bytes(scenario)

    async def main():
        await asyncio.gather(*(
            one_stream(gateway.ports['paced'], request, times)
            for _ in range(streams)))

    asyncio.run(main())
    return lambda: streams * times


class Background:
    """The stream upstreams, in a process of their own."""

    def __init__(self, events):
        self.ports = {'paced': harness.free_port(),
                      'held': harness.free_port()}
        self.pid = os.fork()
        if self.pid == 0:
            try:
                asyncio.run(self._main(events))
            finally:
                os._exit(1)
        harness.wait_for('stream upstreams', 5, lambda: all(
            harness.listening(p) for p in self.ports.values()))

    async def _main(self, events):
        for name, up in (
                ('paced', gateways.StreamUpstream(events, 0.005)),
                ('held', gateways.StreamUpstream(events, 0.005, HELD))):
            await asyncio.start_server(up.serve, '127.0.0.1',
                                       self.ports[name], backlog=2048)
        await asyncio.Event().wait()

    def stop(self):
        os.kill(self.pid, 15)
        os.waitpid(self.pid, 0)


# --- one measurement ---

class Lost(Exception):
    pass


def all_written(gateway, base):
    """Waits until what was recorded since base is in the file; the counters"""
    def settled():
        now = gateway.counters()
        d = {k: now.get(k, 0) - base.get(k, 0) for k in (
            'genai_export_records_total', 'genai_export_acked_total',
            'genai_export_dropped_total')}
        if d['genai_export_dropped_total']:
            raise Lost('%d spans dropped' % d['genai_export_dropped_total'])
        if d['genai_export_records_total'] \
                and d['genai_export_acked_total'] \
                == d['genai_export_records_total']:
            return d
        return None

    try:
        return harness.wait_for('spans', 20, settled)
    except harness.Problem:
        raise Lost('not all spans were written: %s'
                   % {k: v for k, v in gateway.counters().items()
                      if k.startswith('genai_export')})


def measure(gateway, load):
    """(µs of worker, µs of exporter) per request"""
    exporter = gateway.exporter
    base = gateway.counters() if exporter else {}
    time.sleep(0.05)

    cpu = gateway.cpu(gateway.worker)
    cpu_x = gateway.cpu(exporter) if exporter else 0

    requests = load()

    time.sleep(0.05)
    cpu = gateway.cpu(gateway.worker) - cpu
    n = requests()

    if exporter:
        written = all_written(gateway, base)
        if written['genai_export_records_total'] < n:
            raise Lost('%d requests, %d records'
                       % (n, written['genai_export_records_total']))
        time.sleep(0.02)
        cpu_x = gateway.cpu(exporter) - cpu_x
        gateway.forget_spans()

    return cpu / n / 1000, cpu_x / n / 1000, n


class Results:
    def __init__(self):
        self.rounds = {}        # (scenario, gateway) → [(worker, exporter)]
        self.requests = {}

    def add(self, scenario, gateway, worker, exporter, n):
        key = scenario, gateway
        self.rounds.setdefault(key, []).append((worker, exporter))
        self.requests[key] = self.requests.get(key, 0) + n

    def worker(self, scenario, gateway):
        return [w for w, _ in self.rounds[scenario, gateway]]

    def both(self, scenario, gateway):
        return [w + x for w, x in self.rounds[scenario, gateway]]

    def added(self, scenario, gateway, of):
        """Difference to plain, each round's own."""
        return [a - b for a, b in zip(of(scenario, gateway),
                                      self.worker(scenario, 'plain'))]


def spread(values):
    """Half of the range that the middle half of the values has."""
    if len(values) < 4:
        return (max(values) - min(values)) / 2
    q = statistics.quantiles(values, n=4)
    return (q[2] - q[0]) / 2


# --- the table ---

HEADER = ('%-14s %-17s %8s  %-15s %7s  %9s %7s  %s'
          % ('scenario', 'gateway', 'worker', 'over plain', 'ratio',
             '+exporter', 'over', 'verdict'))


def verdict(results, scenario, gateway, failed):
    bars = BARS.get(scenario)
    if gateway != 'on' or not bars or not results.rounds.get(
            (scenario, 'plain')):
        return ''

    out = []
    worker, both, share = bars
    added = statistics.median(results.added(scenario, 'on', results.worker))

    def judge(good, text):
        out.append(('ok: ' if good else 'ABOVE: ') + text)
        if not good:
            failed.append('%s: %s' % (scenario, text))

    if worker is not None:
        judge(added <= worker, 'worker %+.1f, bar +%g µs' % (added, worker))
    if both is not None:
        x = statistics.median(results.added(scenario, 'on', results.both))
        judge(x <= both, 'with exporter %+.1f, bar +%g µs' % (x, both))
    if share is not None and (scenario, 'lua') in results.rounds:
        lua = statistics.median(results.added(scenario, 'lua',
                                              results.worker))
        judge(added <= share * lua, '1/%.1f of what Lua adds, bar 1/%g'
              % (lua / added if added > 0 else 99, 1 / share))
    return '; '.join(out)


def table(results, list_, names, notes, failed):
    print()
    print('CPU µs per request: median of the rounds ± half the middle half')
    print(HEADER)
    for s in list_:
        for name in names:
            if (s.name, name) not in results.rounds:
                print('%-14s %-17s %s' % (s.name, TITLES[name],
                                          notes.get(name, 'not measured')))
                continue
            w = results.worker(s.name, name)
            row = '%-14s %-17s %8.2f  ' % (s.name, TITLES[name],
                                           statistics.median(w))
            if name == 'plain':
                row += '%-15s' % ('        ±%.2f' % spread(w))
            else:
                d = results.added(s.name, name, results.worker)
                ratio = statistics.median(
                    [a / b for a, b in zip(w, results.worker(s.name,
                                                             'plain'))])
                row += '%-15s %7.2f' % ('%+7.2f ±%.2f'
                                        % (statistics.median(d), spread(d)),
                                        ratio)
            if name == 'on':
                row += '  %9.2f %+7.2f' % (
                    statistics.median(results.both(s.name, name)),
                    statistics.median(results.added(s.name, name,
                                                    results.both)))
                row += '  ' + verdict(results, s.name, name, failed)
            print(row)
        n = [results.requests[s.name, name] for name in names
             if (s.name, name) in results.rounds]
        print('%-14s %d to %d requests each' % ('', min(n), max(n)))
    sys.stdout.flush()


# --- memory of open streams ---

async def hold_open(port, request, size, count, check):
    writers = []

    async def one():
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writers.append(writer)
        writer.write(request)
        head = await reader.readuntil(b'\r\n\r\n')
        if b' 200 ' not in head[:20]:
            raise harness.Problem('answer: %r' % head[:100])
        # nginx joins chunks
        have = 0
        while have < size:
            n = int((await reader.readuntil(b'\r\n')).strip(), 16)
            await reader.readexactly(n + 2)
            have += n

    try:
        for at in range(0, count, 100):
            await asyncio.gather(*(one() for _ in range(100)))
        await asyncio.sleep(0.3)
        return check()
    finally:
        for w in writers:
            w.close()


def memory(running, scenario, count, failed):
    """Private memory per open stream of which 20 events have passed."""
    print()
    print('%d open streams: KB of private memory for each' % count)
    request = gateways.request_bytes(scenario)
    size = sum(len(e) for e in scenario.events[:HELD])
    plain = None
    for g in running:
        # what is allocated once is there before
        asyncio.run(hold_open(g.ports['held'], request, size, 100,
                              lambda: 0))
        time.sleep(0.5)
        before = g.private_kb()
        kb = (asyncio.run(hold_open(g.ports['held'], request, size, count,
                                    g.private_kb)) - before) / count
        text = ''
        if g.name == 'plain':
            plain = kb
        elif plain is not None:
            text = '%+6.2f' % (kb - plain)
            if g.name == 'on':
                good = kb - plain <= STREAM_KB
                text += '  %s: bar +%d' % ('ok' if good else 'ABOVE',
                                           STREAM_KB)
                if not good:
                    failed.append('memory: %+.2f KB per stream'
                                  % (kb - plain))
        print('    %-17s %6.2f  %s' % (TITLES[g.name], kb, text), flush=True)
        time.sleep(0.5)


# --- all of it ---

def options_from_line():
    p = argparse.ArgumentParser()
    p.add_argument('--quick', action='store_true',
                   help='one short round: does it work at all')
    p.add_argument('--scenario', action='append', metavar='NAME',
                   help='of the table, or memory, or parts')
    p.add_argument('--gateway', action='append', choices=NAMES[1:])
    p.add_argument('--rounds', type=int, default=7)
    p.add_argument('--seconds', type=int, default=1)
    p.add_argument('--connections', type=int, default=4)
    p.add_argument('--delay', type=int, default=1,
                   help='ms between answer and next request (1)')
    p.add_argument('--strict', action='store_true',
                   help='above a bar is a failure')
    o = p.parse_args()
    o.streams = (16, 3)
    o.held = 1000
    if o.quick:
        o.rounds = 1
        o.seconds = 1
        o.streams = (8, 1)
        o.held = 200
    return o


def start(stack, directory, ports, names, notes):
    """The gateways that start; why the others do not, in notes."""
    out = []
    for name in names:
        try:
            g = gateways.Gateway(name, directory, ports)
        except harness.Problem as e:
            if name in ('plain', 'off', 'on'):
                raise
            notes[name] = 'cannot be loaded: ' + re.sub(
                r'\s+', ' ', str(e))[-120:]
            continue
        stack.callback(g.stop)
        out.append(g)
    return out


def compare(running, list_, directory, options, results):
    for s in list_:
        body = os.path.join(directory, s.name + '.ask')
        with open(body, 'wb') as f:
            f.write(s.ask)

        # round 0 is for warmth: caches, connections, pools
        for n in range(options.rounds + 1):
            order = running[n % len(running):] + running[:n % len(running)]
            for g in order:
                if s.events:
                    if n == 0:
                        continue
                    got = measure(g, lambda: paced(g, s, options))
                else:
                    seconds = options.seconds if n else 1
                    got = measure(g, lambda: wrk(g, s, body, seconds,
                                                 options))
                if n:
                    results.add(s.name, g.name, *got)


def main():
    options = options_from_line()
    wanted = options.scenario
    every = gateways.scenarios()
    list_ = [s for s in every if not wanted or s.name in wanted]
    names = ['plain'] + [n for n in NAMES[1:]
                         if not options.gateway or n in options.gateway]
    results, notes, failed = Results(), {}, []

    with contextlib.ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix='genai-bench-')
        stack.callback(shutil.rmtree, directory, True)

        streams = next(s for s in every if s.events)
        background = Background(streams.events)
        stack.callback(background.stop)

        ports = dict(background.ports, burst=harness.free_port())
        upstream = gateways.static_upstream(directory, ports['burst'], every)
        stack.callback(upstream.stop)

        running = start(stack, directory, ports, names, notes)
        try:
            if list_:
                compare(running, list_, directory, options, results)
                table(results, list_, names, notes, failed)
            if not wanted or 'memory' in wanted:
                memory(running, streams, options.held, failed)
        except Lost as e:
            print('FAILED: ' + str(e))
            return 1

        bad = [g.name + ': ' + line for g in running
               for line in g.nginx.errors().splitlines()
               if re.search(r'\[(alert|crit|emerg|error)\]', line)]
        for line in bad[:10]:
            print(line)

    if not wanted or 'parts' in wanted:
        parts(options)

    print()
    for text in failed:
        print('above the bar: ' + text)
    if not failed:
        print('within all bars')
    return 1 if bad or (failed and options.strict) else 0


def parts(options):
    for name in BENCHES:
        path = os.path.join(harness.BUILD, 'bench', name)
        print()
        print('--- %s ---' % name, flush=True)
        if not os.access(path, os.X_OK):
            print('not built')
            continue
        args = [path] + (['20'] if options.quick and name == 'bench_json'
                         else [])
        code = subprocess.run(args).returncode
        if code:
            print('exit %d' % code, flush=True)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except harness.Problem as e:
        sys.exit('bench: %s' % e)
