#!/usr/bin/env python3
"""What budgets have spent survives: stops and starts, reloads, binary
upgrades, crashes, damaged files.

    budget_life.py [--full] [case ...]

TAP on standard output.  --full, or GENAI_FULL=1, runs the long versions.
"""

import asyncio
import glob
import http.client
import os
import pwd
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import hold
import tap
import harness
from hold import ASK, BOUND, directive, limit, path, usd

OPTS = hold.options()

SIM = None
GATEWAYS = []
MOST = 20000 * BOUND


def gateway(**conf):
    conf.setdefault('zones', zone())
    GATEWAYS.append(hold.Gateway(SIM, **conf))
    return GATEWAYS[-1]


def zone(more='state=tenant.state interval=1s', size='1m', most=MOST,
         key='$http_x_tenant'):
    return ('genai_budget_zone %s zone=tenant:%s limit=%s %s;'
            % (key, size, limit(most), more))


def spend(g, keys, calls=1):
    for key in keys:
        for _ in range(calls):
            status, text = g.ask(key)
            if status != 200:
                raise harness.Problem('%d: %s' % (status, text))


def spent(g, keys):
    return {key: g.settled(key) for key in keys}


class Open:
    """calls that are under way; the upstream waits so many ms with each"""

    def __init__(self, g, n, ms, key='open'):
        self.g, self.key, self.answers = g, key, []
        before = g.state(key)[1]
        self.threads = [threading.Thread(target=self.one, args=(ms,))
                        for _ in range(n)]
        for t in self.threads:
            t.start()
        harness.wait_for('open calls', 10, lambda: g.state(key)[1]
                         == before + n * BOUND)

    def one(self, ms):
        try:
            self.answers.append(hold.one(
                self.g.port, self.key, ASK, path(), 'POST',
                directive(first_ms=ms))[0])
        except (OSError, http.client.HTTPException):
            self.answers.append(None)

    def join(self):
        for t in self.threads:
            t.join()
        return self.answers


KEYS = ['key-%d' % i for i in range(20)]


# --- stop and start ---

def case_quit():
    """QUIT and a start: nothing is lost, to the pico-USD"""
    g = gateway().start()
    spend(g, KEYS)
    before = spent(g, KEYS)
    calls = Open(g, 3, 600)
    g.quit()
    tap.equal(calls.join(), [200] * 3, 'QUIT waits for open calls')
    SIM.reset()
    g.start()
    tap.equal(spent(g, KEYS), before, 'QUIT and start: nothing is lost')
    tap.equal(g.state('open'), (3 * before[KEYS[0]], 0),
              'nor of the calls that were open then')
    g.quit()
    g.quiet('QUIT')


def case_term():
    """TERM and a start: open calls are settled"""
    g = gateway().start()
    spend(g, KEYS)
    before = spent(g, KEYS)
    calls = Open(g, 5, 5000)
    g.quit(signal.SIGTERM)
    calls.join()
    g.start()
    tap.equal(spent(g, KEYS), before, 'TERM and start: nothing is lost')
    tap.equal(g.state('open'), (5 * BOUND, 0), 'TERM: 5 open calls are '
              'settled as reserved')
    g.quit()
    g.quiet('TERM')


def case_all_kill():
    """kill -9 of all: what was spent since the last snapshot is lost"""
    g = gateway().start()
    spend(g, ['one'])
    each = g.settled('one')
    times, begin = [], time.monotonic()
    while time.monotonic() < begin + (8 if OPTS.full else 3.7):
        spend(g, ['a'])
        times.append(time.monotonic())
    calls = Open(g, 2, 5000)
    end = time.monotonic()
    g.kill_all()
    calls.join()
    g.start()
    told = g.settled('a')
    kept, rest = divmod(told, each)     # one of them may be as reserved
    if rest:
        kept, rest = divmod(told - BOUND, each)
    lost = end - times[kept] if kept < len(times) else 0
    tap.ok(rest == 0 and 0 < kept <= len(times) and lost < 1.5,
           'kill -9 of all, interval=1s: %d of %d calls are kept, nothing '
           'lost that is older than %.2f s' % (kept, len(times), lost), told)
    tap.ok(g.settled('open') in (0, BOUND, 2 * BOUND), 'open calls count as '
           'reserved, or came after the snapshot')
    predict_limit(g, each)
    g.quit()


def predict_limit(g, each):
    """another limit: the next call goes by what was kept"""
    told = g.settled('a')
    g.hup(zones=zone(most=told + BOUND + each - 1))
    tap.equal([g.ask('a')[0], g.ask('a')[0]], [200, 402],
              'and it is what the next calls are measured by')


def case_master_kill():
    """kill -9 of the master alone: workers and exporter go on, then the
    exporter saves all"""
    g = gateway().start()
    workers, helpers = g.workers(), g.helpers()
    g.kill(signal.SIGKILL)
    g.process.wait()
    spend(g, KEYS)
    before = spent(g, KEYS)
    for pid in workers:
        os.kill(pid, signal.SIGQUIT)
    harness.wait_for('orphans leave', 15, lambda: not any(
        map(hold.alive, workers + helpers)))
    os.unlink(g.file('logs/nginx.pid'))
    g.start()
    tap.equal(spent(g, KEYS), before, 'master killed, orphans leave, start: '
              'nothing is lost')
    g.quit()


def case_writer_kill():
    """kill -9 of the exporter, at any time of its writing: the file is always
    whole"""
    g = gateway(zones=zone('state=tenant.state interval=1s on_corrupt=fail',
                           '8m')).start()
    keys = ['w-%d' % i for i in range(400)]
    for key in keys:
        hold.one(g.port, key, b'', '/model/x', 'GET')
    spend(g, keys[:40])
    before = spent(g, keys[:3])
    whole, written = True, set()
    stop = threading.Event()

    def load():
        while not stop.is_set():
            spend(g, ['load'])

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for i in range(60 if OPTS.full else 8):
            harness.wait_for('the exporter', 10, g.helpers)
            # it writes about a second after its start
            time.sleep(0.98 + 0.005 * (i % 8))
            for pid in g.helpers():
                os.kill(pid, signal.SIGKILL)
            code, said = g.test()
            whole = whole and code == 0 and 'refused' not in said
            written.add(os.stat(g.file('spool/tenant.state')).st_mtime_ns)
    finally:
        stop.set()
        thread.join()
    tap.ok(whole, 'exporter killed over and over: the file is whole', said)
    tap.note('the file was written at least %d times' % len(written))
    harness.wait_for('the exporter', 10, g.helpers)
    g.quit()
    g.start()
    tap.equal(spent(g, keys[:3]), before, 'and complete at the end')
    g.quit()
    g.quiet('exporter killed', 'exited on signal 9')


def case_unprivileged():
    """the master, as root, writes last; the next exporter, as nobody, goes
    on with the same files"""
    if os.geteuid() != 0:
        tap.ok(True, 'unprivileged # SKIP not root')
        return
    group = 'nogroup' if os.path.exists('/etc/debian_version') else 'nobody'
    g = gateway(user='user nobody %s;' % group).start()
    spend(g, KEYS)
    before = spent(g, KEYS)
    os.kill(g.helpers()[0], signal.SIGKILL)
    g.quit(signal.SIGTERM)
    names = ['tenant.state', 'tenant.state.lock']
    owners = {n: os.stat(g.file('spool/' + n)).st_uid for n in names}
    tap.equal(owners, dict.fromkeys(names, pwd.getpwnam('nobody').pw_uid),
              'unprivileged: the files are the worker user\'s')
    g.start()
    tap.equal(spent(g, KEYS), before, 'unprivileged: nothing is lost')
    spend(g, ['more'])
    written = os.stat(g.file('spool/tenant.state')).st_mtime_ns
    harness.wait_for('a snapshot', 5, lambda: os.stat(
        g.file('spool/tenant.state')).st_mtime_ns != written)
    tap.ok(True, 'unprivileged: the exporter goes on writing')
    g.quit()
    g.quiet('unprivileged', 'exited on signal 9')
    tap.ok('is not saved' not in g.errors(), 'unprivileged: no write failed')


# --- damaged files ---

def listing(g):
    return {name: (os.stat(name).st_mtime_ns, os.stat(name).st_size)
            for name in glob.glob(g.file('spool/*')) + [g.file('spool')]}


def case_corrupt():
    """a file that is cut, changed or none of ours is refused and kept"""
    g = gateway().start()
    spend(g, KEYS)
    g.quit()
    state = g.file('spool/tenant.state')
    with open(state, 'rb') as f:
        good = f.read()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 4

    for name, data in (('cut', good[:len(good) // 2]),
                       ('flipped', bytes(flipped)), ('empty', b''),
                       ('foreign', b'SQLite format 3\0' + bytes(4096))):
        with open(state, 'wb') as f:
            f.write(data)
        before = listing(g)
        code, said = g.test()
        tap.ok(code == 0 and 'is refused' in said and listing(g) == before,
               name + ': nginx -t says so and changes nothing', said)

        g.change(zones=zone('state=tenant.state on_corrupt=fail'))
        up, said = g.starts()
        tap.ok(not up and 'is refused' in said and 'move it away' in said
               and listing(g)[state] == before[state],
               name + ': on_corrupt=fail does not start, and says why', said)

        g.change(zones=zone())
        g.start()
        aside = glob.glob(state + '.corrupt-*')
        kept = b''
        if len(aside) == 1:
            with open(aside[0], 'rb') as f:
                kept = f.read()
        tap.ok(len(aside) == 1 and kept == data
               and g.state('key-0') == (0, 0) and 'it is kept as' in
               g.errors(), name + ': kept aside, all begin empty', aside)
        g.quit()
        for n in aside:
            os.unlink(n)

    with open(state, 'wb') as f:
        f.write(good)
    before = listing(g)
    g.test()
    tap.equal(listing(g), before, 'nginx -t changes nothing on disk')
    for name in glob.glob(g.file('spool/*')):
        os.unlink(name)
    g.test()
    tap.equal([n for n in os.listdir(g.file('spool'))], [],
              'nor does it leave a file where there was none')


# --- reloads ---

def case_reload():
    """HUP with other amounts, sizes, limits, keys: what was spent stays, and
    open calls are counted once"""
    g = gateway().start()
    spend(g, KEYS)
    before = spent(g, KEYS)
    each = before[KEYS[0]]

    for name, conf, cost in (
            ('other amounts', zone(most=MOST // 2), each),
            ('a greater zone', zone(size='2m'), BOUND),
            ('a second limit', zone('limit=9000000req/day state=tenant.state',
                                    '2m'), BOUND),
            ('one limit again, smaller', zone(), BOUND)):
        calls = Open(g, 3, 700, name.replace(' ', '-'))
        g.hup(zones=conf)
        tap.equal(calls.join(), [200] * 3, name + ': open calls end well')
        tap.equal(spent(g, KEYS), before, name + ': what was spent stays')
        tap.equal(g.settled(calls.key), 3 * cost, name + ': open calls count '
                  + ('as they cost' if cost == each else 'as they reserved'))

    calls = Open(g, 20, 1500, 'many')
    for _ in range(5):
        g.hup()
    tap.equal(calls.join(), [200] * 20, '5 reloads with 20 open calls')
    tap.equal(g.settled('many'), 20 * each, 'each is settled once')

    g.change(zones=zone(key='$http_x_user'))
    g.kill(signal.SIGHUP)
    harness.wait_for('the refusal', 5, lambda: 'give the zone another name'
                     in g.errors())
    spend(g, ['after'])
    tap.equal((spent(g, KEYS), g.settled('after')), (before, each),
              'another key: refused, and the old one goes on')
    g.hup(zones=zone())
    g.quit()
    g.quiet('reload', 'give the zone another name')


def case_removed():
    """a zone that is taken out and put in again has what it had spent"""
    g = gateway().start()
    state = g.file('spool/tenant.state')
    harness.wait_for('a first snapshot', 5, lambda: os.path.exists(state))
    time.sleep(0.3)                     # the next one is some time ahead
    spend(g, KEYS)
    before = spent(g, KEYS)
    calls = Open(g, 2, 500)
    g.hup(zones='', budget='')
    tap.equal(calls.join(), [200] * 2, 'removed: open calls end well')
    spend(g, ['free'])
    time.sleep(1.5)
    g.hup(zones=zone(), budget='genai_budget zone=tenant;')
    tap.equal(spent(g, KEYS), before, 'removed and added again: nothing lost')
    tap.equal(g.state('open'), (2 * BOUND, 0), 'removed: open calls count as '
              'they reserved')
    g.quit()
    g.quiet('removed')


def case_resize_load():
    """zones change their size under load"""
    g = gateway().start()
    SIM.reset()
    stop, sent = threading.Event(), []

    def load():
        while not stop.is_set():
            sent.append(g.ask('load')[0])

    threads = [threading.Thread(target=load) for _ in range(8)]
    for t in threads:
        t.start()
    for i in range(20 if OPTS.full else 6):
        time.sleep(0.2)
        g.hup(zones=zone(size='%dm' % (1 + i % 3)))
    stop.set()
    for t in threads:
        t.join()
    told, true = g.settled('load'), hold.truth(SIM)
    tap.ok(set(sent) == {200}, 'resized under load: no false refusal',
           set(sent))
    tap.ok(abs(told - true) < true / 5, 'resized under load: %d calls, spent '
           '%s, by the meter %s USD' % (len(sent), usd(told), usd(true)))
    g.quit()
    g.quiet('resized under load')


def lock_owner(g):
    """who holds the lock on the state file"""
    inode = os.stat(g.file('spool/tenant.state.lock')).st_ino
    with open('/proc/locks') as f:
        return [int(line.split()[4]) for line in f
                if ' FLOCK ' in line and line.split()[5].endswith(
                    ':%d' % inode)]


def case_upgrade():
    """USR2, WINCH, QUIT: the new master begins with the latest snapshot, and
    one of the two writes the file"""
    g = gateway(daemon='daemon on;').start()
    spend(g, KEYS)
    before = spent(g, KEYS)
    old, old_helper = g.pid(), g.helpers()
    time.sleep(2.2)
    g.kill(signal.SIGUSR2)
    harness.wait_for('the new master', 10, lambda: os.path.exists(
        g.file('logs/nginx.pid.oldbin')) and os.path.exists(
        g.file('logs/nginx.pid')) and g.pid() != old and g.settled_in())
    time.sleep(1.5)
    tap.equal(lock_owner(g), old_helper, 'upgrade: the old one has the file')

    g.kill(signal.SIGWINCH, old)
    harness.wait_for('old workers leave', 10, lambda: not g.workers(old))
    tap.equal(spent(g, KEYS), before, 'upgrade: the new one begins with the '
              'latest snapshot')
    spend(g, ['new'])
    each = g.settled('new')
    g.kill(signal.SIGQUIT, old)
    harness.wait_for('the old master leaves', 10,
                     lambda: not hold.alive(old))
    harness.wait_for('the new one has the file', 10,
                     lambda: lock_owner(g) == g.helpers())
    tap.ok(True, 'upgrade: then the new one has the file')
    g.quit()
    g.start()
    tap.equal((spent(g, KEYS), g.settled('new')), (before, each),
              'upgrade, QUIT, start: nothing is lost')
    g.quit()
    g.quiet('upgrade')


# --- one process ---

def case_single():
    """master_process off: reloads in which a zone moves, goes and comes, with
    open calls, a call that is still coming in and a kept connection.

    nginx itself has no free connections after such a reload: it resets some
    to make room, and an upload then finds none to the upstream; so calls are
    tried again.  The process must not die."""
    for name, confs in (
            ('same', [{}]),
            ('moved', [dict(zones=zone(size='2m'))]),
            ('moved twice', [dict(zones=zone(size='2m')), {},
                             dict(zones=zone(size='1m'))]),
            ('other limits', [dict(zones=zone('limit=9000req/day'
                                              ' state=tenant.state'))]),
            ('removed', [dict(zones='', budget='')]),
            ('removed and added', [dict(zones='', budget=''), dict(
                zones=zone(), budget='genai_budget zone=tenant;')])):
        # (nginx closes the log of its first configuration, but uses it)
        g = gateway(master='master_process off;', workers=1,
                    log='stderr').start()
        single(g, 'one process, ' + name, confs)
        g.quit()
        g.quiet('one process, ' + name, 'worker_connections are not enough')


def single(g, name, confs):
    spend(g, KEYS[:3])
    before = spent(g, KEYS[:3])
    each = before[KEYS[0]]
    kept = http.client.HTTPConnection('127.0.0.1', g.port, timeout=10)

    async def scene():
        c = await hold.H1().open(g.port)
        c.writer.write(hold.head_of('slow', path(), ASK, {}) + ASK[:20])
        await c.writer.drain()
        await asyncio.sleep(0.1)
        for conf in confs:
            g.hup(**conf)
        c.writer.write(ASK[20:])
        try:
            return await c.status()
        except (OSError, asyncio.IncompleteReadError):
            return None
        finally:
            c.leave()

    def again():
        kept.request('POST', path(), ASK, {'X-Tenant': 'kept'})
        r = kept.getresponse()
        r.read()
        return r.status

    again()
    calls = Open(g, 3, 400 + 300 * len(confs))
    upload = asyncio.run(scene())
    answers = calls.join()
    later = [tried(again), tried(lambda: g.ask('later')[0])]
    tap.ok(g.process.poll() is None and later == [200, 200]
           and 200 in answers and upload in (200, 500, None),
           name + ': it lives, and serves', (answers, upload, later))

    if 'genai_budget' not in g.conf['budget']:
        return

    told = {key: tried(lambda k=key: g.settled(k)) for key in KEYS[:3]}
    tap.equal(told, before, name + ': what was spent stays')
    told = tried(lambda: g.settled('open'))
    least = 3 * (BOUND if confs[-1] else each)
    tap.equal(told, least, name + ': open calls count')
    later = tried(lambda: g.settled('later'))
    tap.ok(later >= each, name + ': new ones too')
    g.quit()
    g.start()
    tap.equal((g.settled('open'), g.settled('later')), (told, later),
              name + ': and all of it is saved')


def tried(what):
    for _ in range(50):
        try:
            return what()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    return None


hold.main(globals(), OPTS.cases)
