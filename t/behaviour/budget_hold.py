#!/usr/bin/env python3
"""Budgets hold, whoever asks how often and whoever leaves when.

The truth is the simulator's own meter times the prices; what the gateway says
is what a refused caller is told.

    budget_hold.py [--full] [case ...]

TAP on standard output.  --full, or GENAI_FULL=1, runs the long versions.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import hold
import tap
import harness
from hold import ASK, BOUND, OUTPUT, directive, limit, path, price, usd

ADMITS = 37

p = argparse.ArgumentParser()
p.add_argument('--full', action='store_true',
               default=bool(os.environ.get('GENAI_FULL')))
p.add_argument('cases', nargs='*')
OPTS = p.parse_args()

SIM = None
GATEWAYS = []


def gateway(**conf):
    GATEWAYS.append(hold.Gateway(SIM, **conf))
    return GATEWAYS[-1]


def tenants(pico, more=''):
    return ('genai_budget_zone $http_x_tenant zone=tenant:2m limit=%s %s;'
            % (limit(pico), more))


# --- parallel calls ---

def parallel(g, name, rounds, most, estimate):
    """Calls of 200 clients at once, half of the rounds with answers that cost
    all that was reserved, and a reload in the midst of every second"""
    unused, over, wrong, counts = [], [], [], []

    for i in range(rounds):
        SIM.reset()
        key = '%s-%d' % (name, i)
        dear = dict(input=len(ASK), output=OUTPUT) if i % 2 == 0 else {}

        if i % 4 in (1, 2):
            g.kill(signal.SIGHUP)

        statuses = hold.wave(g.port, key, 200,
                             directive(first_ms=250, **dear))
        admitted = statuses.count(200)
        true = hold.truth(SIM)
        told = g.settled(key)

        if told != true or admitted + statuses.count(402) != 200:
            wrong.append((key, told, true, set(map(str, statuses))))
        if dear and not estimate and admitted != ADMITS:
            wrong.append((key, 'admitted', admitted))

        counts.append(admitted)
        unused.append(100 - 100 * true / most)
        over.append(max(0, true - most))

    tap.ok(not wrong, '%s: what is spent is what the meter says, in %d rounds'
           % (name, rounds), '\n'.join(map(str, wrong)))
    tap.note('%s: admitted %d to %d of 200; unused %.1f%% to %.1f%% of the '
             'limit' % (name, min(counts), max(counts), max(0, min(unused)),
                        max(unused)))
    return max(over)


def case_parallel():
    """200 calls at once under a limit that admits 37"""
    rounds = 50 if OPTS.full else 8
    most = ADMITS * BOUND + BOUND // 2

    for workers in (1, 2):
        g = gateway(workers=workers, zones=tenants(most)).start()
        over = parallel(g, '%d workers' % workers, rounds // 2, most, 0)
        tap.equal(over, 0, '%d workers: no round passed the limit' % workers)
        g.quit()
        g.quiet('%d workers' % workers)


def case_learned():
    """estimate=learned admits more, and may pass the limit: by how much is
    printed"""
    most = ADMITS * BOUND
    g = gateway(zones=tenants(most, 'estimate=learned')).start()
    over, admitted = [], []

    for i in range(8 if OPTS.full else 2):
        SIM.reset()
        key = 'learned-%d' % i
        hold.wave(g.port, key, 20, {})
        statuses = hold.wave(g.port, key, 200, directive(
            first_ms=250, input=len(ASK), output=OUTPUT))
        over.append(max(0, hold.truth(SIM) - most))
        admitted.append(statuses.count(200))
        tap.equal(g.settled(key), hold.truth(SIM),
                  'learned: what is spent is what the meter says')

    tap.note('learned: after 20 cheap calls %d to %d dear ones at once were '
             'admitted; overshoot up to %s USD, %.1f%% of the limit'
             % (min(admitted), max(admitted), usd(max(over)),
                100 * max(over) / most))
    g.quit()
    g.quiet('learned')


# --- workers that die ---

def predicted(g, key, most, name):
    """Calls one by one: each is admitted or refused as the sums say"""
    spent = g.settled(key)
    wrong, answers = [], set()

    while len(answers) < 2 and not wrong:
        fits = spent + BOUND <= most
        status, text = g.ask(key)
        answers.add(status)
        if (status == 200) != fits or status not in (200, 402):
            wrong.append('%d with %d of %d spent: %s'
                         % (status, spent, most, text))
        spent, reserved = g.state(key)
        if reserved:
            spent = g.settled(key)

    return tap.ok(not wrong and answers == {200, 402}, '%s: the next calls '
                  'are admitted and refused as the truth says' % name, wrong)


async def open_streams(port, key, n, extra, make=hold.H1):
    """so many calls that have begun to answer"""
    async def one():
        c = await make().open(port)
        await c.send(key, path(op='converse-stream'), ASK, extra)
        status = await c.status()
        assert status == 200, status
        await c.some()
        return c
    return await asyncio.gather(*[one() for _ in range(n)])


async def uploads(port, key, n):
    """so many calls whose request is not there yet"""
    out = []
    for _ in range(n):
        c = await hold.H1().open(port)
        c.writer.write(hold.head_of(key, path(), ASK, {}) + ASK[:20])
        await c.writer.drain()
        out.append(c)
    return out


def case_worker_kill():
    """kill -9 of the workers with 100 open streams, and 20 uploads"""
    most = 101 * BOUND + BOUND // 2
    g = gateway(zones=tenants(most)).start()

    async def scene():
        streams = await open_streams(g.port, 'a', 100, directive(
            events=200, delay_ms=100))
        sending = await uploads(g.port, 'a', 20)
        tap.equal(g.state('a'), (0, 100 * BOUND),
                  'worker killed: 100 open streams are reserved')
        for pid in g.workers():
            os.kill(pid, signal.SIGKILL)
        for c in streams + sending:
            c.leave()

    asyncio.run(scene())
    harness.wait_for('new workers', 10, g.settled_in)
    begin = time.monotonic()
    tap.equal(g.settled('a', 5), 100 * BOUND, 'worker killed: all that had '
              'been sent is settled as reserved, the rest released')
    tap.note('settled %.1f s after the new workers were there'
             % (time.monotonic() - begin))
    predicted(g, 'a', most, 'worker killed')
    tap.ok('100 calls that ended without their worker were settled'
           in g.errors() or g.errors().count('ended without their worker') > 1,
           'worker killed: the log says so')
    g.quit()
    g.quiet('worker killed', 'exited on signal 9')


def case_lock_kill():
    """workers that are killed under load, some of them inside a section: the
    lock word goes to the next, and the sums stay right"""
    most = 20000 * BOUND
    g = gateway(zones=tenants(most)).start()
    rounds = 60 if OPTS.full else 12
    stop = []

    async def load():
        while not stop:
            try:
                await whole_quiet(g.port)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.005)

    async def whole_quiet(port):
        await hold.whole(port, 'same', path(), ASK, {'X-Sim-Events': '1'})

    async def scene():
        tasks = [asyncio.create_task(load()) for _ in range(24)]
        for _ in range(rounds):
            await asyncio.sleep(0.15)
            for pid in g.workers():
                os.kill(pid, signal.SIGKILL)
        stop.append(1)
        await asyncio.gather(*tasks)

    SIM.reset()
    asyncio.run(scene())
    harness.wait_for('new workers', 10, g.settled_in)
    told, true = g.settled('same'), hold.truth(SIM)
    calls = SIM.meter()['total']['calls']
    tap.ok(true <= told <= calls * BOUND, 'killed under load: %d kills, %d '
           'calls; spent %s, by the meter %s USD: never less'
           % (2 * rounds, calls, usd(told), usd(true)), (told, true))
    g.quit()
    g.quiet('killed under load', 'exited on signal 9')


# --- clients that leave ---

def case_aborts():
    """1,000 clients leave, before the answer and in mid-stream"""
    each = 250
    most = 4 * each * BOUND + 10 * BOUND + BOUND // 2
    g = gateway(zones=tenants(most)).start()
    SIM.reset()

    async def before(port, make):
        async def one():
            c = await make().open(port)
            await c.send('a', path(), ASK, directive(first_ms=3000))
            return c
        clients = await asyncio.gather(*[one() for _ in range(each)])
        for _ in range(200):
            if g.state('a')[1] >= each * BOUND:
                break
            await asyncio.sleep(0.05)
        for c in clients:
            c.leave()

    async def amid(port, make):
        clients = await open_streams(port, 'a', each, directive(
            events=40, delay_ms=50), make)
        for c in clients:
            c.leave()

    spent = 0
    for make, port in ((hold.H1, g.port), (hold.H2, g.h2)):
        name = make.__name__.lower()
        asyncio.run(before(port, make))
        now = g.settled('a')
        tap.equal(now - spent, each * BOUND, '%s: %d clients leave before '
                  'the answer: settled as reserved' % (name, each))
        spent = now

        asyncio.run(amid(port, make))
        now = g.settled('a')
        tap.ok(each * price(1, 0) < now - spent < each * BOUND, '%s: %d '
               'clients leave in mid-stream: what had passed is settled, '
               '%s of %s USD reserved'
               % (name, each, usd(now - spent), usd(each * BOUND)),
               now - spent)
        spent = now

    total = SIM.meter()['total']
    tap.note('the meter: %d calls, %d aborted; worked on, with those that '
             'left before: %s USD'
             % (total['calls'], total['aborted'],
                usd(price(total['partial_input'], total['partial_output']))))
    predicted(g, 'a', most, '%d aborts' % (4 * each))
    g.quit()
    g.quiet('aborts')


def main():
    global SIM
    directory = tempfile.mkdtemp(prefix='hold_sim_')
    SIM = harness.Simulator(directory)
    cases = [v for k, v in globals().items() if k.startswith('case_')]
    try:
        hold.run(cases, OPTS.cases, GATEWAYS)
    finally:
        SIM.stop()
        shutil.rmtree(directory, ignore_errors=True)


main()
