#!/usr/bin/env python3
"""Budgets hold, whoever asks how often and whoever leaves when.

The truth is the simulator's own meter times the prices; what the gateway says
is what a refused caller is told.

    budget_hold.py [--full] [case ...]

TAP on standard output.  --full, or GENAI_FULL=1, runs the long versions.
"""

import asyncio
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import hold
import tap
import harness
from hold import ASK, BOUND, OUTPUT, directive, limit, path, price, usd

ADMITS = 37

OPTS = hold.options()

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


def case_dead_holder():
    """the lock of every shard is held by a process that is dead: it is taken,
    and what is reserved is counted anew"""
    g = gateway(zones=tenants(1000 * BOUND)).start()
    dead = subprocess.Popen(['true'])
    dead.wait()

    async def scene():
        streams = await open_streams(g.port, 'a', 3, directive(
            events=100, delay_ms=100))
        try:
            shards = poison(g.workers()[0], dead.pid)
        except PermissionError as e:
            tap.ok(True, 'dead holder # SKIP %s' % e)
            return
        tap.equal(g.state('a'), (0, 3 * BOUND), 'a dead process holds the '
                  'locks of %d shards: they are taken, the sums are right'
                  % shards)
        for c in streams:
            c.leave()

    asyncio.run(scene())
    told = g.settled('a')
    tap.ok(0 < told < 3 * BOUND, 'and calls settle as if nothing had been',
           '%d of %d' % (told, 3 * BOUND))
    g.quit()
    g.quiet('dead holder')


def poison(worker, pid):
    """writes the pid into the lock words of the zone, and that a section was
    not finished (genai_budget_zone_private.h); how many there are"""
    with open('/proc/%d/maps' % worker) as f:
        places = [line.split('-')[0] for line in f if '/dev/zero' in line]

    with open('/proc/%d/mem' % worker, 'r+b', buffering=0) as mem:
        for place in places:
            mem.seek(int(place, 16))
            at = mem.read(4096).find(b'gnabdtb')
            if at < 0:
                continue
            head = int(place, 16) + at
            mem.seek(head + 16)
            size, shards = struct.unpack('<QI', mem.read(12))
            for i in range(shards):
                mem.seek(head + 64 + i * size)
                mem.write(struct.pack('<II', pid, 1))
            return shards

    raise harness.Problem('no zone of budgets in the memory of %d' % worker)


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


# --- every way out ---

def place(name, more, budget='tenant'):
    return '''
        location /%s/ {
            genai bedrock;
            genai_budget zone=%s;
            genai_budget zone=requests headers=on;
            rewrite ^/%s(/.*)$ $1 break;
            %s
        }''' % (name, budget, name, more)


def named(name, more, budget='other'):
    return '''
        location @%s {
            genai bedrock;
            genai_budget zone=%s;
            %s
        }''' % (name, budget, more)


def ways(dead, bad, deaf):
    """the configuration of all of them; of the ports nobody listens on one,
    one answers 503, one never takes a connection"""
    to = 'proxy_pass http://sim;'
    out = ''.join(place(name, more + to) for name, more in (
        ('plain', ''),
        ('count', ''),
        ('timeout', 'proxy_read_timeout 300ms;'),
        ('small', 'client_max_body_size 100;'),
        ('file', 'client_body_in_file_only clean;'),
        ('spill', 'client_body_buffer_size 1k;'),
        ('unbuffered', 'proxy_request_buffering off;'),
        ('cached', 'proxy_cache c; proxy_cache_methods POST; '
                   'proxy_cache_key $http_x_tenant; '
                   'proxy_cache_valid 200 1h;'),
        ('deaf', 'proxy_ignore_client_abort on; proxy_buffering on;'),
        ('mirrored', 'mirror /mirror;'),
        ('authorized', 'auth_request /auth;'),
        ('unauthorized', 'auth_request /no;'),
        ('caught', 'proxy_intercept_errors on; proxy_read_timeout 300ms; '
                   'error_page 500 502 504 = @again;'),
        ('excused', 'proxy_intercept_errors on; '
                    'error_page 500 =200 /sorry;'),
        ('chain', 'proxy_read_timeout 300ms; recursive_error_pages on; '
                  'error_page 504 = @dead;')))

    out += place('other', to, 'other') + place('third', to, 'third')
    out += place('refused', 'proxy_pass http://127.0.0.1:%d;' % dead)
    out += place('blackhole', 'proxy_connect_timeout 300ms; '
                 'proxy_pass http://127.0.0.1:%d;' % deaf)
    out += place('given_up', 'proxy_read_timeout 300ms; '
                 'proxy_next_upstream timeout non_idempotent; '
                 'proxy_pass http://silent;')
    out += place('next', 'proxy_pass http://next;')
    out += place('next503', 'proxy_pass http://next503; '
                 'proxy_next_upstream http_503 non_idempotent;')
    out += place('caughtdead', 'proxy_pass http://127.0.0.1:%d; '
                 'error_page 502 = @again;' % dead)
    out += place('accel', 'proxy_pass http://127.0.0.1:%d;' % bad)
    out += named('again', 'proxy_set_header X-Sim-Directive ""; ' + to)
    out += named('dead', 'proxy_pass http://127.0.0.1:%d; '
                 'recursive_error_pages on; error_page 502 = @last;' % dead)
    out += named('last', 'proxy_set_header X-Sim-Directive ""; ' + to,
                 'third')
    return out + '''
        location = /mirror {
            internal;
            genai bedrock;
            genai_budget zone=other;
            rewrite ^ %(path)s break;
            proxy_pass http://sim;
        }
        location = /auth {
            internal;
            genai bedrock;
            genai_budget zone=other;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://sim/sim/health;
        }
        location = /no { internal; return 401; }
        location = /sorry { return 200 "sorry"; }
        ''' % dict(path=path().replace('%3A', ':'))


HTTP = '''
    proxy_cache_path tmp/cache keys_zone=c:1m;
    upstream next { server 127.0.0.1:%(dead)d; server 127.0.0.1:%(sim)d; }
    upstream silent { server 127.0.0.1:%(silent)d;
                      server 127.0.0.1:%(sim)d backup; }
    upstream next503 { server 127.0.0.1:%(bad)d;
                       server 127.0.0.1:%(sim)d backup; }
    server {
        listen 127.0.0.1:%(bad)d;
        location / {
            if ($http_x_accel) {
                add_header X-Accel-Redirect @again;
                return 200;
            }
            return 503;
        }
    }'''


class Ways:
    """asks once and says what each budget has then"""

    def __init__(self, g):
        self.g, self.n = g, 0

    def requests(self, key):
        """what was left of 1000 before the call that asks"""
        conn = http.client.HTTPConnection('127.0.0.1', self.g.port)
        conn.request('GET', '/count/x', headers={'X-Tenant': key})
        r = conn.getresponse()
        r.read()
        conn.close()
        left = re.search(r';r=(\d+)', r.getheader('ratelimit')).group(1)
        return 1000 - int(left) - 1

    def out(self, name, where, do, status, spent, requests=1, other=0,
            third=0):
        """do(key) makes the call; spent: pico-USD, a function of the meter,
        or (least, most)"""
        self.n += 1
        key = '%s-%d' % (where, self.n)
        SIM.reset()
        got = do(key)
        told = self.g.settled(key)
        true = hold.truth(SIM)
        wanted = spent(true) if callable(spent) else spent
        others = (self.g.settled(key, where='/other/model'),
                  self.g.settled(key, where='/third/model'))
        other = other(true) if callable(other) else other
        third = third(true) if callable(third) else third
        count = self.requests(key)

        good = (wanted[0] < told < wanted[1] if isinstance(wanted, tuple)
                else told == wanted)
        tap.ok(good and got == status and others == (other, third)
               and count == requests, name,
               'status %r (%r)\nspent %d (%r)\nelsewhere %r (%r)\n'
               'requests %d (%d)\nreserved at most %d, by the meter %d'
               % (got, status, told, wanted, others, (other, third), count,
                  requests, BOUND, true))

    def call(self, name, where, status, spent, requests=1, body=ASK,
             method='POST', other=0, third=0, headers=None, **d):
        head = dict(headers or {})
        if d:
            head.update(directive(**d))
        self.out(name, where, lambda key: hold.one(
            self.g.port, key, body, '/' + where + path(), method, head)[0],
            status, spent, requests, other, third)

    def leave(self, name, where, extra, spent, amid=None, after=0.3):
        async def scene(key):
            c = await hold.H1().open(self.g.port)
            op = 'converse-stream' if amid else 'converse'
            await c.send(key, '/' + where + path(op=op), ASK, extra)
            if amid:
                await c.status()
                await c.some(amid)
            else:
                await asyncio.sleep(after)
            c.leave()
            await asyncio.sleep(0.1)
        self.out(name, where, lambda key: asyncio.run(scene(key)), None,
                 spent)


def case_ways_out():
    """each way a call can end settles it once, at what it must be"""
    dead, bad = harness.free_port(), harness.free_port()
    deaf, clients = blackhole()
    silent = socket.create_server(('127.0.0.1', 0), backlog=8)
    zones = ''.join(
        'genai_budget_zone $http_x_tenant zone=%s:1m limit=%s;' % z
        for z in (('tenant', limit(10000 * BOUND)),
                  ('other', limit(10000 * BOUND)),
                  ('third', limit(10000 * BOUND)),
                  ('requests', '1000req/day')))
    g = gateway(zones=zones, locations=ways(dead, bad, deaf),
                http=HTTP % dict(dead=dead, bad=bad, sim=SIM.port,
                                 silent=silent.getsockname()[1])).start()
    w = Ways(g)

    def true(meter):
        return meter

    w.call('done: what the meter says', 'plain', 200, true)
    w.call('an error of the upstream: nothing', 'plain', 500, 0,
           fail='internal')
    w.call('the upstream throttles: nothing', 'plain', 429, 0,
           fail='throttle')
    w.call('connection refused: nothing', 'refused', 502, 0)
    w.call('no connection in time: nothing', 'blackhole', 504, 0)
    w.leave('the client leaves before there is a connection: nothing',
            'blackhole', {}, 0, after=0.1)
    w.call('a second peer answers: one call', 'next', 200, true)
    w.call('a second peer after a 503: one call', 'next503', 200, true)
    w.call('a peer that is silent is given up for another: what was reserved',
           'given_up', 200, BOUND)
    w.call('the upstream does not answer in time: what was reserved',
           'timeout', 504, BOUND, first_ms=1000)
    w.call('the upstream closes without an answer: what was reserved',
           'plain', 502, BOUND, fail='close')
    w.call('an answer that is no JSON: what was reserved', 'plain', 200,
           BOUND, fail='garbage')
    w.call('an empty answer: what was reserved', 'plain', 200, BOUND,
           fail='empty')
    w.leave('the client leaves before the answer: what was reserved',
            'plain', directive(first_ms=2000), BOUND)
    w.leave('the client leaves in mid-stream: what had passed', 'plain',
            directive(events=40, delay_ms=50), (0, BOUND),
            amid=b'contentBlockDelta')
    w.leave('the client leaves when the stream has begun, without output yet:'
            ' what was reserved', 'plain', directive(events=9, delay_ms=999),
            BOUND, amid=b'messageStart')
    w.leave('the client leaves and nobody looks: what the meter says',
            'deaf', directive(first_ms=600), true)
    w.call('HEAD: a request', 'plain', 405, 0, method='HEAD', body=None)
    w.call('too long a body: nothing', 'small', 413, 0, 0)
    w.call('a body in a file', 'file', 200, true, body=LONG)
    w.call('a body in memory and file', 'spill', 200, true, body=LONG)
    w.call('proxy_request_buffering off', 'unbuffered', 200, true,
           body=LONG)
    w.call('a cache that is filled', 'cached', 200, true)
    w.n -= 1
    w.call('a cache hit: the request alone, beside the first call\'s',
           'cached', 200, price(5, 8), 3)
    w.call('a mirrored call, whose answer nobody reads: what was reserved',
           'mirrored', 200, lambda t: t // 2, other=BOUND)
    w.call('auth_request in a place with a budget: nothing but requests',
           'authorized', 200, true)
    w.call('auth_request refuses: nothing', 'unauthorized', 401, 0, 0)
    w.call('an error caught by error_page: nothing here, the answer there',
           'caught', 200, 0, other=true, fail='internal')
    w.call('a time-out caught: what was reserved here, the answer there',
           'caught', 200, BOUND, other=true, first_ms=1000)
    w.call('connection refused and caught: nothing here, the answer there',
           'caughtdead', 200, 0, other=true)
    w.call('an error_page that is no call: nothing', 'excused', 200, 0,
           fail='internal')
    w.call('time-out, connection refused, answer: each budget its own',
           'chain', 200, BOUND, other=0, third=true, first_ms=1000)
    w.call('X-Accel-Redirect: the answer that nobody saw, and the one there',
           'accel', 200, BOUND, other=true, headers={'X-Accel': '1'})
    for c in clients + [silent]:
        c.close()
    g.quit()
    g.quiet('ways out')


def blackhole():
    """a port whose queue of connections is full, and who fills it"""
    server = socket.create_server(('127.0.0.1', 0), backlog=0)
    port, out = server.getsockname()[1], [server]
    for _ in range(4):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(('127.0.0.1', port))
        out.append(c)
    return port, out


LONG = ASK.replace(b'What', b'What ' * 4000)


hold.main(globals(), OPTS.cases)
