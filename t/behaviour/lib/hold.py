"""For the tests of budgets: a gateway that can be reloaded, killed and
started again, clients that ask and leave, and what a key's budget says.

Every call is of a model whose prices are exact in pico-USD, and what it may
cost at most is known here as well: a token for each byte of its body, and its
maxTokens.
"""

import argparse
import asyncio
import decimal
import http.client
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap
import harness
import prices
import processes

MODEL = 'anthropic.claude-3-haiku-20240307-v1:0'
DEAR = 'anthropic.claude-opus-4-1-20250805-v1:0'
OUTPUT = 50

ASK = json.dumps({'messages': [{'role': 'user',
                                'content': [{'text': 'What is it like?'}]}],
                  'inferenceConfig': {'maxTokens': OUTPUT}}).encode()

PRICES = prices.Prices(os.path.join(tap.TOP, 'conf.examples/prices.json'))

CONF = '''
%(load)s
%(user)s
%(daemon)s
%(master)s
worker_processes %(workers)d;
pid logs/nginx.pid;
lock_file logs/lock;
error_log %(log)s info;
events { worker_connections 2048; }
http {
    access_log off;
    client_body_temp_path tmp/c; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    genai_prices %(top)s/conf.examples/prices.json;
    genai_queue 4m path=spool;
    genai_region us-east-1;
    genai_trace_context extract;
    %(zones)s

    upstream sim { server 127.0.0.1:%(sim)d; }

    proxy_http_version 1.1;
    proxy_read_timeout 300s;
    client_max_body_size 25m;
    keepalive_requests 100000;
    %(http)s

    server {
        listen 127.0.0.1:%(port)d backlog=1024;
        listen 127.0.0.1:%(h2)d http2 backlog=1024;
        location = /healthz { return 204; }
        location /model/ {
            genai bedrock;
            %(budget)s
            proxy_pass http://sim;
            proxy_buffering off;
        }
        %(locations)s
    }
}
'''


def path(model=MODEL, op='converse'):
    return '/model/%s/%s' % (model.replace(':', '%3A'), op)


def price(input_, output, model=MODEL):
    """pico-USD"""
    usage = dict(input=input_, output=output, cache_read=0, cache_write=0,
                 cache_write_1h=0)
    return PRICES.cost(model, usage)


BOUND = price(len(ASK), OUTPUT)


def usd(pico):
    return '%s' % (decimal.Decimal(pico) / 10 ** 12)


def limit(pico):
    """a limit for nginx.conf"""
    return '%susd/day' % format(decimal.Decimal(pico) / 10 ** 12, 'f')


# --- the gateway ---

class Gateway:
    def __init__(self, sim, **conf):
        self.dir = tempfile.mkdtemp(prefix='hold_')
        os.chmod(self.dir, 0o755)
        for name in ('logs', 'tmp', 'conf'):
            os.mkdir(os.path.join(self.dir, name))
        so = harness.find_module()
        self.port, self.h2 = harness.free_port(), harness.free_port()
        self.conf = dict(
            load='load_module %s;' % so if so else '', top=tap.TOP,
            user='user root;' if os.geteuid() == 0 else '', master='',
            daemon='daemon off;', log='logs/error.log', workers=2, zones='', http='',
            budget='genai_budget zone=tenant;', locations='',
            sim=sim if isinstance(sim, int) else sim.port, port=self.port,
            h2=self.h2)
        self.change(**conf)
        self.process = None
        self.seen = set()

    def change(self, **conf):
        self.conf.update(conf)
        with open(os.path.join(self.dir, 'conf', 'nginx.conf'), 'w') as f:
            f.write(CONF % self.conf)
        return self

    def command(self, *args):
        return [harness.find_nginx(), '-p', self.dir + '/', '-c',
                'conf/nginx.conf', '-e', 'logs/error.log', *args]

    def test(self):
        done = subprocess.run(self.command('-t'), capture_output=True,
                              text=True)
        return done.returncode, done.stderr

    def start(self):
        with open(self.file('logs/stderr.log'), 'a') as f:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stderr=f,
                start_new_session=True)
        daemon = 'on' in self.conf['daemon']
        harness.wait_for('nginx', 20, lambda: (
            (self.process.poll() is not None and not daemon)
            or (harness.listening(self.port)
                and os.path.exists(self.file('logs/nginx.pid'))
                and self.settled_in())))
        if not harness.listening(self.port):
            raise harness.Problem('nginx did not start:\n' + self.errors())
        return self

    def starts(self):
        """does it? what it says"""
        process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            return False, process.communicate(timeout=2)[1]
        except subprocess.TimeoutExpired:
            self.process = process
            return True, self.errors()

    def settled_in(self):
        """titles are set: who is worker and who exporter can be seen"""
        return ('off' in self.conf['master']
                or (len(self.workers()) == self.conf['workers']
                    and self.helpers()))

    def file(self, name):
        return os.path.join(self.dir, name)

    def pid(self):
        with open(self.file('logs/nginx.pid')) as f:
            return int(f.read())

    def children(self, title, parent=None):
        out = processes.children(parent or self.pid(), title)
        self.seen.update(out)
        return out

    def workers(self, parent=None):
        return [p for p in self.children('worker process', parent)
                if 'shutting' not in cmdline(p)]

    def helpers(self, parent=None):
        return self.children('genai exporter', parent)

    def kill(self, sig, pid=None):
        os.kill(pid or self.pid(), sig)

    def hup(self, **conf):
        """reloads; returns when only new workers take calls"""
        self.change(**conf)
        old = self.workers()
        self.kill(signal.SIGHUP)
        if 'off' in self.conf['master']:
            time.sleep(0.3)
            return
        harness.wait_for('a reload', 20, lambda: self.fresh(old))

    def fresh(self, old):
        now = self.workers()
        return len(now) == self.conf['workers'] and not set(now) & set(old)

    def quit(self, sig=signal.SIGQUIT, seconds=20):
        if not self.process:
            return
        if 'on' in self.conf['daemon']:
            pid = self.pid()
            self.kill(sig, pid)
            harness.wait_for('the end', seconds, lambda: not alive(pid))
        harness.stop(self.process, sig, seconds)
        self.process = None

    def kill_all(self):
        """everything at once, as a power failure does"""
        pids = [self.pid()] + self.children('')
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        os.unlink(self.file('logs/nginx.pid'))
        harness.wait_for('the end', 5, lambda: not any(map(alive, pids)))

    def errors(self):
        text = ''
        for name in ('logs/error.log', 'logs/stderr.log'):
            if os.path.exists(self.file(name)):
                with open(self.file(name)) as f:
                    text += f.read()
        return text

    def quiet(self, name, allowed=r'^$'):
        bad = [line for line in self.errors().splitlines()
               if re.search(r'\[(alert|crit|emerg)\]|on signal 11|on signal 6',
                            line) and not re.search(allowed, line)]
        tap.ok(not bad, name + ': nothing alarming in the log',
               '\n'.join(bad[:10]))

    def ask(self, key='', body=ASK, where=None, method='POST', **headers):
        return one(self.port, key, body, where or path(), method, headers)

    def state(self, key='', where='/model'):
        """(spent, reserved) in pico-USD of the key's budget in USD: a call
        that asks for more than any limit here is told, and pays nothing"""
        status, text = one(self.port, key, ASK.replace(b'50', b'32000'),
                           where + path(DEAR)[len('/model'):])
        if status not in (402, 429):
            raise harness.Problem('the probe got %s: %s' % (status, text))
        facts = json.loads(text)
        return tuple(pico(facts[k]) for k in ('spent', 'reserved'))

    def settled(self, key='', seconds=10, where='/model'):
        """what is spent when nothing is reserved any more"""
        try:
            harness.wait_for('nothing is reserved', seconds,
                             lambda: self.state(key, where)[1] == 0)
        except harness.Problem:
            tap.note('%s: (spent, reserved) %r'
                     % (key, self.state(key, where)))
            raise
        return self.state(key, where)[0]

    def cleanup(self):
        self.quit()
        for pid in sorted(self.seen):
            if 'nginx' in cmdline(pid):
                os.kill(pid, signal.SIGKILL)
        if not os.environ.get('KEEP'):
            shutil.rmtree(self.dir, ignore_errors=True)


def cmdline(pid):
    try:
        with open('/proc/%d/cmdline' % pid) as f:
            return f.read()
    except OSError:
        return ''


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            stat = f.read()
        return stat[stat.rindex(')') + 2] not in 'ZX'
    except OSError:
        return False


def pico(text):
    """of "0.0123 USD" """
    value, unit = text.split()
    assert unit == 'USD', text
    return int(decimal.Decimal(value) * 10 ** 12)


def one(port, key, body, where, method='POST', headers=None):
    """(status, body) of a call of its own connection"""
    conn = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    try:
        head = {'X-Tenant': key, 'Content-Type': 'application/json'}
        head.update({k.replace('_', '-'): v
                     for k, v in (headers or {}).items()})
        conn.request(method, where, body, head)
        r = conn.getresponse()
        return r.status, r.read().decode('utf-8', 'replace')
    finally:
        conn.close()


# --- many at once ---

def directive(**d):
    return {'X-Sim-Directive': json.dumps(d)}


def head_of(key, where, body, extra):
    return ('POST %s HTTP/1.1\r\nHost: gateway.example\r\nX-Tenant: %s\r\n'
            'Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n'
            % (where, key, len(body), ''.join('%s: %s\r\n' % h
                                              for h in extra.items()))
            ).encode()


class H1:
    """one call on a connection of its own"""

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection(
            '127.0.0.1', port, limit=1 << 20)
        return self

    async def send(self, key, where, body, extra):
        self.writer.write(head_of(key, where, body, extra) + body)
        await self.writer.drain()

    async def status(self):
        line = await self.reader.readuntil(b'\r\n\r\n')
        return int(line.split()[1])

    async def some(self, word=b'contentBlockDelta'):
        """reads until the word has come"""
        data = b''
        while word not in data:
            data += await self.piece()

    async def piece(self):
        data = await self.reader.read(4096)
        if not data:
            raise ConnectionError('the end')
        return data

    async def rest(self):
        return await self.reader.read()

    def leave(self):
        self.writer.transport.abort()


def frame(kind, flags, stream, payload):
    return (struct.pack('>I', len(payload))[1:]
            + struct.pack('>BBI', kind, flags, stream) + payload)


def literal(text):
    data = text.encode()
    assert len(data) < 16511
    return (bytes([len(data)]) if len(data) < 127 else
            bytes([127, (len(data) - 127) & 127 | 128,
                   (len(data) - 127) >> 7]) if len(data) >= 255 else
            bytes([127, len(data) - 127])) + data


class H2(H1):
    """the same over HTTP/2 without TLS; it leaves by RST_STREAM and closes"""

    async def send(self, key, where, body, extra):
        fields = [(':method', 'POST'), (':scheme', 'http'), (':path', where),
                  (':authority', 'gateway.example'), ('x-tenant', key),
                  ('content-type', 'application/json'),
                  ('content-length', str(len(body)))]
        fields += [(k.lower(), v) for k, v in extra.items()]
        block = b''.join(b'\0' + literal(k) + literal(v) for k, v in fields)
        self.writer.write(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
                          + frame(4, 0, 0, b'') + frame(1, 4, 1, block)
                          + frame(0, 1, 1, body))
        await self.writer.drain()

    async def until(self, kind):
        """the payload of the first frame of a kind"""
        while True:
            head = await self.reader.readexactly(9)
            payload = await self.reader.readexactly(
                int.from_bytes(head[:3], 'big'))
            if head[3] == kind and (kind != 0 or payload):
                return payload
            if head[3] == 3:
                raise ConnectionError('the stream was reset')

    async def status(self):
        first = (await self.until(1))[0]
        return {0x88: 200}.get(first, 0)

    async def piece(self):
        return await self.until(0)

    def leave(self):
        self.writer.write(frame(3, 0, 1, struct.pack('>I', 8)))
        self.writer.close()


async def whole(port, key, where, body, extra):
    """the status of a call that is heard to its end"""
    c = await H1().open(port)
    try:
        await c.send(key, where, body, dict(extra, Connection='close'))
        status = await c.status()
        await c.rest()
        return status
    finally:
        c.writer.close()


def wave(port, key, n, extra, where=None, body=ASK):
    """the statuses of n calls at once"""
    async def all_():
        return await asyncio.gather(*[
            whole(port, key, where or path(), body, extra)
            for _ in range(n)], return_exceptions=True)
    return asyncio.run(all_())


def truth(sim):
    """pico-USD by the simulator's own meter: whole answers"""
    return sum(PRICES.cost(model, row)
               for model, row in sim.meter()['models'].items())


# --- the test programs ---

def options():
    p = argparse.ArgumentParser()
    p.add_argument('--full', action='store_true',
                   default=bool(os.environ.get('GENAI_FULL')))
    p.add_argument('cases', nargs='*')
    return p.parse_args()


def main(program, names):
    """runs the functions case_NAME of a program (its globals) beside a
    simulator, its SIM; then its GATEWAYS are stopped.  A case that fails does
    not stop the others."""
    directory = tempfile.mkdtemp(prefix='hold_sim_')
    program['SIM'] = harness.Simulator(directory)
    try:
        for name in [k[5:] for k in program if k.startswith('case_')]:
            if not names or name in names:
                run(name, program['case_' + name], program['GATEWAYS'])
    finally:
        program['SIM'].stop()
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


def run(name, case, gateways):
    begin = time.monotonic()
    try:
        case()
    except Exception as e:
        tap.ok(False, '%s: %s: %s' % (name, type(e).__name__, e))
        if os.environ.get('DEBUG'):
            raise
    finally:
        while gateways:
            gateways.pop().cleanup()
    tap.note('%s: %.1f s' % (name, time.monotonic() - begin))
