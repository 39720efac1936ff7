#!/usr/bin/env python3
"""What metering costs: CPU per request of the nginx worker, and of worker and
exporter, beside plain proxy_pass, other ways to meter, and nothing at all.

    run.py [--quick] [--scenario NAME ...] [--gateway NAME ...] [--rounds N]

Every gateway is an nginx of its own with one worker.  In each of many short
rounds each of them gets the same requests, in an order by chance; the figures
are CPU time from /proc/PID/schedstat, never wall time, and the differences are
taken within a round, so that what else the machine does hits all alike.

The run fails when a span is missing: all that was recorded must be written by
the exporter at the end of each scenario, and nothing dropped.  Being above a bar
fails the run only with --strict: noise of the machine is no fault of a change.
"""

import argparse
import asyncio
import contextlib
import os
import random
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

NAMES = ['plain', 'off', 'on', 'budget', 'lua', 'tuned', 'njs']

TITLES = {
    'plain': 'plain proxy_pass', 'off': 'genai off', 'on': 'genai on',
    'budget': 'genai, a budget',
    'lua': 'Lua script', 'tuned': 'Lua, tuned', 'njs': 'njs script',
}

# µs of the worker, µs of worker and exporter, share of what "Lua script" adds
BARS = {
    'converse-1k': (5, 15, None),
    'stream-burst': (15, None, 0.25),
}

STREAM_KB = 4

BENCHES = ['bench_json', 'bench_wire', 'bench_export', 'bench_metrics',
           'bench_price']


# --- load ---

HEADERS = {
    'Content-Type': 'application/json',
    'User-Agent': 'Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#6.1 '
                  'md/arch#x86_64 lang/python#3.11.2 cfg/retry-mode#legacy',
    'amz-sdk-invocation-id': '11111111-2222-3333-4444-555555555555',
    'amz-sdk-request': 'attempt=1',
    'Authorization': 'Bearer bedrock-api-key-EXAMPLE',
}


def burst(gateway, scenario, body, requests, options):
    """So many requests, as fast as they are answered."""
    command = ['h2load', '--h1', '-t', '1', '-c', str(options.connections),
               '-n', str(requests), '-d', body]
    for name, value in HEADERS.items():
        command += ['-H', '%s: %s' % (name, value)]
    done = subprocess.run(command + ['http://127.0.0.1:%d%s' % (
        gateway.ports[scenario.upstream], scenario.path)],
        capture_output=True, text=True)
    if not re.search(r'status codes: %d 2xx' % requests, done.stdout):
        raise harness.Problem('h2load: %s%s' % (done.stdout, done.stderr))


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


# --- one measurement ---

class Lost(Exception):
    pass


class Exported:
    """The exporter of a gateway in one scenario: its CPU time until all that
    the scenario recorded is in the file.
    """

    NAMES = ('genai_export_records_total', 'genai_export_acked_total',
             'genai_export_dropped_total')

    def __init__(self, gateway):
        self.gateway = gateway
        if gateway.exporter:
            self.base = gateway.counters()
            self.cpu = gateway.cpu(gateway.exporter)

    def _settled(self):
        now = self.gateway.counters()
        records, acked, dropped = (
            now.get(name, 0) - self.base.get(name, 0) for name in self.NAMES)
        if dropped:
            raise Lost('%d spans dropped' % dropped)
        return records if records and records == acked else 0

    def microseconds(self, requests):
        """For each of so many requests; raises Lost if a span is missing."""
        g = self.gateway
        if not g.exporter:
            return 0
        try:
            records = harness.wait_for('spans', 30, self._settled)
        except harness.Problem:
            raise Lost('not all spans were written: %s'
                       % {k: v for k, v in g.counters().items()
                          if k.startswith('genai_export')})
        if records != requests:
            raise Lost('%d requests, %d records' % (requests, records))
        cpu = g.cpu(g.exporter) - self.cpu
        g.forget_spans()
        return cpu / requests / 1000


def measure(gateway, load):
    """ns of the worker"""
    time.sleep(0.02)
    cpu = gateway.cpu(gateway.worker)
    load()
    time.sleep(0.02)
    return gateway.cpu(gateway.worker) - cpu


def quiet(values):
    """Mean of the lowest quarter: what else the machine does only adds."""
    low = sorted(values)[:max(1, len(values) // 4)]
    return sum(low) / len(low)


class Results:
    def __init__(self):
        self.rounds = {}        # (scenario, gateway) → µs of the worker
        self.exporter = {}      # (scenario, gateway) → µs
        self.requests = {}      # scenario → of each gateway

    def worker(self, scenario, gateway):
        return self.rounds[scenario, gateway]

    def quiet_added(self, scenario, gateway):
        return (quiet(self.rounds[scenario, gateway])
                - quiet(self.rounds[scenario, 'plain']))

    def added(self, scenario, gateway):
        """Difference to plain, each round's own."""
        return [a - b for a, b in zip(self.rounds[scenario, gateway],
                                      self.rounds[scenario, 'plain'])]


def spread(values):
    """Half of the range that the middle half of the values has."""
    if len(values) < 4:
        return (max(values) - min(values)) / 2
    q = statistics.quantiles(values, n=4)
    return (q[2] - q[0]) / 2


# --- the table ---

HEADER = ('%-14s %-17s %7s  %-15s %6s  %7s %7s  %7s %7s  %s'
          % ('scenario', 'gateway', 'median', 'over plain', 'ratio',
             'quiet', 'over', '+export', 'over', 'verdict (quiet)'))


def verdict(results, scenario, gateway, failed):
    bars = BARS.get(scenario)
    if gateway not in ('on', 'budget') or not bars or not results.rounds.get(
            (scenario, 'plain')):
        return ''

    out = []
    worker, both, share = bars
    added = results.quiet_added(scenario, gateway)

    def judge(good, text):
        out.append(('ok: ' if good else 'ABOVE: ') + text)
        if not good:
            failed.append('%s: %s' % (scenario, text))

    if worker is not None:
        judge(added <= worker, 'worker %+.1f, bar +%g µs' % (added, worker))
    if both is not None:
        x = added + results.exporter[scenario, gateway]
        judge(x <= both, 'with exporter %+.1f, bar +%g µs' % (x, both))
    if share is not None and (scenario, 'lua') in results.rounds:
        lua = results.quiet_added(scenario, 'lua')
        judge(added <= share * lua, '1/%.1f of what "%s" adds, bar 1/%g'
              % (lua / added if added > 0 else 99, TITLES['lua'],
                 1 / share))
    return '; '.join(out)


def row(results, scenario, name):
    w = results.worker(scenario, name)
    plain = results.worker(scenario, 'plain')
    low = quiet(w)
    added = results.quiet_added(scenario, name)
    out = '%-14s %-17s %7.2f  ' % (scenario, TITLES[name],
                                   statistics.median(w))
    if name == 'plain':
        return out + '%-15s %6s  %7.2f' % ('        ±%.2f' % spread(w), '',
                                           low)
    d = results.added(scenario, name)
    out += '%-15s %6.2f  %7.2f %+7.2f' % (
        '%+7.2f ±%.2f' % (statistics.median(d), spread(d)),
        statistics.median([a / b for a, b in zip(w, plain)]), low, added)
    x = results.exporter.get((scenario, name))
    if x and scenario != 'stream-paced':    # there it is mostly idle
        out += '  %7.2f %+7.2f  ' % (low + x, added + x)
    return out


def table(results, list_, names, notes, failed):
    print()
    print('CPU µs per request of the worker: median of the rounds ± half the '
          'middle half;\nquiet: mean of the best quarter of the rounds; '
          '+export: with the exporter\n'
          '"%s" looks for "usage" in each event, "%s" once in all that '
          'has come;\nshares are judged against the first'
          % (TITLES['lua'], TITLES['tuned']))
    print(HEADER)
    for s in list_:
        for name in names:
            if (s.name, name) not in results.rounds:
                print('%-14s %-17s %s' % (s.name, TITLES[name],
                                          notes.get(name, 'not measured')))
                continue
            print(row(results, s.name, name)
                  + verdict(results, s.name, name, failed))
        print('%-14s %d rounds, %d requests each'
              % ('', len(results.worker(s.name, 'plain')),
                 results.requests[s.name]))
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
    size = sum(len(e) for e in scenario.events[:gateways.HELD])
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
    p.add_argument('--rounds', type=int, default=25)
    p.add_argument('--requests', type=int, default=2500, help='of a round')
    p.add_argument('--connections', type=int, default=8)
    p.add_argument('--strict', action='store_true',
                   help='above a bar is a failure')
    o = p.parse_args()
    o.streams = (16, 3)
    o.held = 1000
    if o.quick:
        o.rounds = 1
        o.requests = 500
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
            if name in ('plain', 'off', 'on', 'budget'):
                raise
            notes[name] = 'cannot be loaded: ' + re.sub(
                r'\s+', ' ', str(e))[-120:]
            continue
        stack.callback(g.stop)
        out.append(g)
    return out


def compare(running, list_, directory, options, results):
    chance = random.Random(1)

    for s in list_:
        body = os.path.join(directory, s.name + '.ask')
        with open(body, 'wb') as f:
            f.write(s.ask)

        if s.upstream == 'paced':
            requests = options.streams[0] * options.streams[1]
            rounds = min(options.rounds, 5)

            def load(g):
                paced(g, s, options)
        else:
            requests = options.requests // (5 if len(s.ask) > 100000 else 1)
            rounds = options.rounds

            def load(g):
                burst(g, s, body, requests, options)

        warm = {g.name: Exported(g) for g in running}
        for g in running:       # connections, pools, caches
            load(g)

        for g in running:
            warm[g.name].microseconds(requests)
        exported = {g.name: Exported(g) for g in running}

        for _ in range(rounds):
            for g in chance.sample(running, len(running)):
                us = measure(g, lambda: load(g)) / requests / 1000
                results.rounds.setdefault((s.name, g.name), []).append(us)

        results.requests[s.name] = requests * rounds
        for g in running:
            results.exporter[s.name, g.name] = \
                exported[g.name].microseconds(requests * rounds)


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
        background = gateways.Background(streams.events)
        stack.callback(background.stop)

        ports = dict(background.ports, static=harness.free_port())
        upstream = gateways.static_upstream(directory, ports['static'], every)
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
