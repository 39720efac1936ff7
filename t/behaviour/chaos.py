#!/usr/bin/env python3
"""Nothing finished is lost, whatever dies.

Real nginx with the module, an upstream and an OTLP receiver of this test's
own.  Each request carries a trace id; every id that was answered must reach
the receiver and the file sink, however often (delivery is at least once).

    chaos.py MODULE.so|- [--full] [--keep] [--nginx PATH] [case ...]

TAP on standard output.  --full runs the long versions.
"""

import argparse
import glob
import gzip
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

ANSWER = json.dumps({
    'output': {'message': {'role': 'assistant',
                           'content': [{'text': 'It is sunny.'}]}},
    'stopReason': 'end_turn',
    'usage': {'inputTokens': 12, 'outputTokens': 5, 'totalTokens': 17},
    'metrics': {'latencyMs': 20}}).encode()

QUESTION = json.dumps({
    'messages': [{'role': 'user', 'content': [{'text': 'Weather?'}]}],
    'inferenceConfig': {'maxTokens': 50}}).encode()

PATH = '/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse'


# --- protobuf, as far as it takes to count spans ---

def fields(buf):
    i, n = 0, len(buf)

    def varint(i):
        v = s = 0
        while True:
            b = buf[i]
            i += 1
            v |= (b & 127) << s
            s += 7
            if b < 128:
                return v, i

    while i < n:
        key, i = varint(i)
        kind = key & 7
        if kind == 2:
            size, i = varint(i)
            yield key >> 3, buf[i:i + size]
            i += size
        elif kind == 0:
            v, i = varint(i)
            yield key >> 3, v
        else:
            size = 8 if kind == 1 else 4
            yield key >> 3, buf[i:i + size]
            i += size


def spans_of(body):
    """trace ids (hex) of an ExportTraceServiceRequest"""
    ids = []
    for k, resource in fields(body):
        if k != 1:
            continue
        for k2, scope in fields(resource):
            if k2 != 2:
                continue
            for k3, span in fields(scope):
                if k3 != 2:
                    continue
                for k4, v in fields(span):
                    if k4 == 1:
                        ids.append(v.hex())
    return ids


# --- servers ---

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def handle_error(self, request, address):
        pass


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    delay = 0.0
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        delay = self.headers.get('X-Delay')
        if delay:
            time.sleep(float(delay))
        self.wfile.write(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
            b'Content-Length: %d\r\n\r\n%s' % (len(ANSWER), ANSWER))

    def log_message(self, *args):
        pass


class Receiver:
    """An OTLP/HTTP receiver that misbehaves on demand."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ids = {}
        self.mode = 'ok'
        self.posts = 0
        self.refused = 0
        self.rejected = set()
        self.server = None
        self.hung = threading.Event()
        self.port = free_port()
        self.up()

    def up(self):
        if self.server:
            return
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                receiver.post(self)

            def log_message(self, *args):
                pass

        self.server = Server(('127.0.0.1', self.port), Handler)
        threading.Thread(target=self.server.serve_forever,
                         kwargs={'poll_interval': 0.05},
                         daemon=True).start()

    def down(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def post(self, h):
        body = h.rfile.read(int(h.headers.get('Content-Length', 0)))
        if self.server is None:
            h.close_connection = True
            return
        mode = self.mode
        self.posts += 1
        if mode == 'hang':
            self.hung.wait(60)
            h.close_connection = True
            return
        if mode == 'slow':
            time.sleep(0.5)
        if mode.isdigit() or mode == 'retry-after':
            self.refused += 1
            status = 429 if mode == 'retry-after' else int(mode)
            extra = {'Retry-After': '1'} if mode == 'retry-after' else {}
            self.answer(h, status, b'', extra)
            return
        if h.headers.get('Content-Encoding') == 'gzip':
            body = gzip.decompress(body)
        answer = b''
        if h.path.endswith('/traces'):
            ids = spans_of(body)
            with self.lock:
                if mode == 'partial' and ids:
                    # partial_success { rejected_spans: 1 }
                    answer = b'\x0a\x02\x08\x01'
                    self.rejected.add(ids.pop())
                for i in ids:
                    self.ids[i] = self.ids.get(i, 0) + 1
        self.answer(h, 200, answer, {})

    @staticmethod
    def answer(h, status, body, extra):
        h.send_response(status)
        h.send_header('Content-Type', 'application/x-protobuf')
        h.send_header('Content-Length', str(len(body)))
        for k, v in extra.items():
            h.send_header(k, v)
        h.end_headers()
        h.wfile.write(body)

    def got(self):
        with self.lock:
            return set(self.ids)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


# --- load ---

class Load:
    """Threads that send requests and note which ids were answered."""

    count = 0

    def __init__(self, port, threads=4, pause=0.002, delay=None, flags='01'):
        self.flags = flags
        self.port, self.pause, self.delay = port, pause, delay
        self.done, self.failed, self.times = set(), 0, []
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True)
                        for _ in range(threads)]
        for t in self.threads:
            t.start()

    def next_id(self):
        with self.lock:
            Load.count += 1
            return '%08x%024x' % (int(time.time()), Load.count + (1 << 90))

    def run(self):
        conn = None
        while not self.stop.is_set():
            ident = self.next_id()
            head = {'traceparent': '00-%s-%016x-%s'
                    % (ident, 0xabcdef, self.flags),
                    'Content-Type': 'application/json'}
            if self.delay:
                head['X-Delay'] = str(self.delay)
            begin = time.monotonic()
            try:
                if conn is None:
                    conn = http.client.HTTPConnection('127.0.0.1', self.port,
                                                      timeout=15)
                    conn.connect()
                    conn.sock.setsockopt(socket.IPPROTO_TCP,
                                         socket.TCP_NODELAY, 1)
                conn.request('POST', PATH, QUESTION, head)
                r = conn.getresponse()
                body = r.read()
                if r.status == 200 and body == ANSWER:
                    with self.lock:
                        self.done.add(ident)
                        self.times.append(time.monotonic() - begin)
                else:
                    self.failed += 1
                if r.getheader('Connection') == 'close':
                    conn.close()
                    conn = None
            except (OSError, http.client.HTTPException):
                self.failed += 1
                if conn:
                    conn.close()
                conn = None
                time.sleep(0.02)
            if self.pause:
                time.sleep(self.pause)

    def finish(self):
        self.stop.set()
        for t in self.threads:
            t.join(20)
        return set(self.done)


# --- nginx ---

CONF = '''
{module}
{user}
{daemon}
{master}
worker_processes {workers};
pid logs/nginx.pid;
lock_file logs/lock;
error_log logs/error.log info;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path tmp/c; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    {zone}
    {sample}
    genai_prices {root}/conf.examples/prices.json;
    genai_queue {queue} path={dir}/spool spool={spool};
    {sinks}
    upstream model {{ server 127.0.0.1:{upstream}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 100000;
        client_max_body_size 25m;
        location /genai/ {{ genai_status; }}
        location /model/ {{
            genai bedrock;
            proxy_pass http://model;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout 300s;
        }}
    }}
}}
'''

OTLP = '''genai_exporter otlp {{
        endpoint http://127.0.0.1:{receiver};
        interval 200ms; timeout 2s; metrics_interval 1s;
    }}'''
FILE = '''genai_exporter file {{ path {dir}/spans.json; interval 200ms; }}'''


class Nginx:
    def __init__(self, opts, upstream, receiver, **conf):
        self.opts, self.receiver = opts, receiver
        self.dir = tempfile.mkdtemp(prefix='chaos_', dir=opts.tmp)
        for d in ('logs', 'tmp', 'conf'):
            os.mkdir(os.path.join(self.dir, d))
        self.port = free_port()
        self.conf = dict(
            module='load_module %s;' % opts.module if opts.module else '',
            root=ROOT, dir=self.dir, port=self.port,
            upstream=upstream, receiver=receiver.port, workers=2,
            user='user root;' if os.geteuid() == 0 else '',
            daemon='daemon off;', master='', queue='16m', spool='64m',
            zone='genai_zone zone=genai:4m;', sample='',
            otlp=True, file=True)
        self.change(**conf)
        self.proc = None

    def change(self, **conf):
        self.conf.update(conf)
        sinks = []
        if self.conf['otlp']:
            sinks.append(OTLP)
        if self.conf['file']:
            sinks.append(FILE)
        text = '\n    '.join(sinks).format(**self.conf)
        with open(self.dir + '/conf/nginx.conf', 'w') as f:
            f.write(CONF.format(sinks=text, **self.conf))

    def command(self):
        return [self.opts.nginx, '-p', self.dir + '/', '-c',
                'conf/nginx.conf', '-e', 'logs/error.log']

    def start(self):
        self.proc = subprocess.Popen(self.command(),
                                     stdin=subprocess.DEVNULL)
        wait(self.answers, 10, 'nginx answers')
        return self

    def restart(self):
        """start() that waits for what an earlier life left in the spool"""
        left = glob.glob(self.dir + '/spool/*.spool')
        self.start()
        if left:
            wait(lambda: any(a['recovered']
                             for a in self.accounts().values()),
                 10, 'the spool is found')
        return self

    def answers(self):
        try:
            self.get('/genai/healthz')
            return os.path.exists(self.dir + '/logs/nginx.pid')
        except OSError:
            return False

    def pid(self):
        with open(self.dir + '/logs/nginx.pid') as f:
            return int(f.read())

    def children(self, title, parent=None):
        parent = parent or self.pid()
        out = []
        for path in glob.glob('/proc/[0-9]*/stat'):
            try:
                with open(path) as f:
                    stat = f.read()
                pid = int(stat.split()[0])
                rest = stat[stat.rindex(')') + 2:].split()
                if int(rest[1]) != parent or rest[0] in 'ZX':
                    continue
                with open('/proc/%d/cmdline' % pid) as f:
                    if title in f.read():
                        out.append(pid)
            except (OSError, ValueError):
                pass
        return sorted(out)

    def workers(self):
        return self.children('worker process')

    def helpers(self):
        return self.children('genai exporter')

    def kill(self, sig, pid=None):
        os.kill(pid or self.pid(), sig)

    def get(self, path):
        conn = http.client.HTTPConnection('127.0.0.1', self.port, timeout=5)
        try:
            conn.request('GET', path)
            r = conn.getresponse()
            return r.read().decode()
        finally:
            conn.close()

    def accounts(self):
        """{sink: {word: value}} of /metrics"""
        out = {}
        for line in self.get('/genai/metrics').splitlines():
            m = re.match(r'genai_export_(\w+?)(?:_total)?\{(.*)\} (\S+)$',
                         line)
            if not m:
                continue
            labels = dict(re.findall(r'(\w+)="([^"]*)"', m.group(2)))
            sink = out.setdefault(labels['sink'], {})
            sink[m.group(1)] = sink.get(m.group(1), 0) + float(m.group(3))
        return out

    def balanced(self):
        """'' or the sink whose account does not balance"""
        for name, a in self.accounts().items():
            left = a['records'] + a['recovered']
            right = sum(a[k] for k in ('acked', 'sent_unconfirmed',
                                       'rejected', 'dropped', 'pending',
                                       'spool_records'))
            if left != right:
                return '%s: %d != %d %r' % (name, left, right, a)
        return ''

    def settled(self):
        a = self.accounts()
        return all(s['pending'] == 0 and s['spool_records'] == 0
                   for s in a.values())

    def quit(self, sig=signal.SIGQUIT, timeout=20):
        pid = self.pid()
        os.kill(pid, sig)
        if self.proc and self.proc.pid == pid:
            self.proc.wait(timeout)
        wait(lambda: not alive(pid), timeout, 'the master leaves')

    def spans(self):
        out = {}
        for path in glob.glob(self.dir + '/spans.json*'):
            with open(path) as f:
                for line in f:
                    try:
                        batch = json.loads(line)
                    except ValueError:
                        continue
                    for r in batch['resourceSpans']:
                        for s in r['scopeSpans']:
                            for span in s['spans']:
                                i = span['traceId']
                                out[i] = out.get(i, 0) + 1
        return set(out)

    def errors(self):
        with open(self.dir + '/logs/error.log') as f:
            return [line.rstrip() for line in f
                    if re.search(r'\[(alert|crit|emerg)\]', line)]

    def cleanup(self):
        pids = []
        try:
            pids = [self.pid()]
        except (OSError, ValueError):
            pass
        if self.proc and self.proc.poll() is None:
            pids.append(self.proc.pid)
        for pid in pids:
            kids = self.children('nginx', pid)
            for p in [pid] + kids:
                try:
                    if self.dir in open('/proc/%d/cmdline' % pid).read() \
                            or p != pid:
                        os.kill(p, signal.SIGKILL)
                except OSError:
                    pass
        if self.proc:
            try:
                self.proc.wait(5)
            except subprocess.TimeoutExpired:
                pass
        if not self.opts.keep:
            shutil.rmtree(self.dir, ignore_errors=True)


def alive(pid):
    try:
        with open('/proc/%d/stat' % pid) as f:
            stat = f.read()
        return stat[stat.rindex(')') + 2] not in 'ZX'
    except OSError:
        return False


def wait(what, seconds, name):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    raise TimeoutError('%s: not within %s s' % (name, seconds))


# --- TAP ---

class Tap:
    def __init__(self):
        self.n = self.bad = 0

    def ok(self, good, name, *why):
        self.n += 1
        self.bad += not good
        print('%sok %d - %s' % ('' if good else 'not ', self.n, name),
              flush=True)
        if not good:
            for w in why:
                print('#   %s' % (w,), flush=True)
        return good

    def note(self, text):
        print('# ' + text, flush=True)

    def done(self):
        print('1..%d' % self.n)
        return 1 if self.bad else 0


class Chaos:
    def __init__(self, opts):
        self.opts = opts
        self.tap = Tap()
        self.up = Server(('127.0.0.1', 0), Upstream)
        threading.Thread(target=self.up.serve_forever, daemon=True).start()
        self.upstream = self.up.server_address[1]
        self.long = 5 if opts.full else 1

    def nginx(self, **conf):
        self.receiver = Receiver()
        self.n = Nginx(self.opts, self.upstream, self.receiver, **conf)
        return self.n

    def check(self, name, done, crashed=0, lost=0, settle=15, kills=False,
              otlp=True):
        """all that was answered has arrived, everywhere, and all balances"""
        n = self.n
        running = True
        try:
            n.get('/genai/healthz')
        except OSError:
            running = False

        if running:
            try:
                wait(n.settled, settle, 'all is sent')
            except TimeoutError as e:
                self.tap.ok(False, name + ': all is sent', e,
                            n.accounts())
            why = n.balanced()
            self.tap.ok(why == '', name + ': the accounts balance', why)

        if otlp:
            miss = done - self.receiver.got() - self.receiver.rejected
            self.tap.ok(len(miss) <= lost and len(done) > 0,
                        '%s: %d answered, %d lost (OTLP)'
                        % (name, len(done), len(miss)), sorted(miss)[:5])
        if n.conf['file']:
            miss = done - n.spans()
            self.tap.ok(len(miss) <= lost and len(done) > 0,
                        '%s: %d answered, %d lost (file)'
                        % (name, len(done), len(miss)), sorted(miss)[:5])

        errors = n.errors()
        if kills:
            errors = [e for e in errors
                      if not re.search(r'exited on signal 9|'
                                       r'was locked by', e)]
        self.tap.ok(not errors, name + ': no alert in the log',
                    *errors[:5])

    def balance_now(self, name):
        why = self.n.balanced()
        self.tap.ok(why == '', name, why)

    # --- cases ---

    def case_plain(self):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(2 * self.long)
        done = load.finish()
        titles = n.helpers()
        self.tap.ok(len(titles) == 1, 'plain: one exporter process')
        self.check('plain', done)
        n.quit()
        self.check('plain, after QUIT', done)

    def case_worker_kill(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(5 * self.long):
            time.sleep(0.3)
            for w in n.workers():
                n.kill(signal.SIGKILL, w)
                time.sleep(0.1)
            wait(lambda: len(n.workers()) == 2, 5, 'workers respawn')
            self.balance_now('worker SIGKILL: balanced')
        time.sleep(0.3)
        done = load.finish()
        time.sleep(2.2)
        self.check('worker SIGKILL', done, kills=True)
        n.quit()

    def case_open_calls(self):
        """calls that were open in a killed worker are reported"""
        n = self.nginx().start()
        load = Load(n.port, threads=4, delay=5)
        time.sleep(0.7)
        for w in n.workers():
            n.kill(signal.SIGKILL, w)
        time.sleep(0.2)
        load.stop.set()
        wait(lambda: len(self.receiver.got()) >= 4, 10,
             'open calls are reported')
        self.tap.ok(len(self.receiver.got()) >= 4,
                    'killed worker: its open calls are reported')
        text = n.get('/genai/metrics')
        self.tap.ok('type="worker_died"' in text,
                    'and counted as errors of the gateway')
        n.quit(signal.SIGTERM)

    def case_helper_kill(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(8 * self.long):
            time.sleep(0.25)
            for h in n.helpers():
                n.kill(signal.SIGKILL, h)
            self.balance_now('helper SIGKILL: balanced')
            wait(n.helpers, 5, 'the helper respawns')
        done = load.finish()
        self.check('helper SIGKILL', done, kills=True)
        n.quit()

    def case_both_kill(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(4 * self.long):
            time.sleep(0.4)
            for p in n.workers() + n.helpers():
                n.kill(signal.SIGKILL, p)
            wait(lambda: len(n.workers()) == 2 and n.helpers(), 5,
                 'all respawn')
            self.balance_now('both SIGKILL: balanced')
        done = load.finish()
        time.sleep(1.2)
        self.check('both SIGKILL', done, kills=True)
        n.quit()

    def case_hup(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(20 * self.long):
            n.kill(signal.SIGHUP)
            time.sleep(0.2)
        time.sleep(0.3)
        done = load.finish()
        self.check('HUP x%d' % (20 * self.long), done)
        wait(lambda: len(n.helpers()) == 1, 10, 'old helpers leave')
        self.tap.ok(len(n.workers()) == 2, 'HUP: one generation is left')
        n.quit()

    def case_hup_long(self):
        """a call that outlives its generation"""
        n = self.nginx().start()
        load = Load(n.port, threads=3, delay=2.5)
        time.sleep(0.5)
        n.kill(signal.SIGHUP)
        time.sleep(1)
        load.stop.set()
        done = load.finish()
        self.check('HUP with open calls', done)
        n.quit()

    def case_quit(self):
        n = self.nginx().start()
        load = Load(n.port, threads=4, delay=0.3)
        time.sleep(1)
        n.kill(signal.SIGQUIT)
        time.sleep(0.1)
        load.stop.set()
        n.proc.wait(15)
        done = load.finish()
        self.check('QUIT', done)
        self.tap.ok(not glob.glob(n.dir + '/spool/*.spool'),
                    'QUIT: nothing had to be spooled')

    def case_term(self):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(1)
        n.kill(signal.SIGTERM)
        begin = time.monotonic()
        n.proc.wait(15)
        took = time.monotonic() - begin
        done = load.finish()
        self.tap.ok(took < 2.5, 'TERM: gone in %.1f s' % took)
        n.restart()
        self.check('TERM and a new start', done)
        n.quit()

    def case_term_down(self):
        """TERM with the receiver down: the spool carries it over"""
        n = self.nginx().start()
        self.receiver.down()
        load = Load(n.port)
        time.sleep(1.5)
        n.kill(signal.SIGTERM)
        n.proc.wait(15)
        done = load.finish()
        self.tap.ok(glob.glob(n.dir + '/spool/otlp.*.spool'),
                    'TERM, receiver down: spooled')
        self.receiver.up()
        n.restart()
        self.check('TERM, receiver down, new start', done)
        a = n.accounts()['otlp']
        self.tap.ok(a['recovered'] > 0,
                    'TERM: %d found in the spool' % a['recovered'])
        self.tap.ok(not glob.glob(n.dir + '/spool/*.spool'),
                    'TERM: the spool is empty again')
        n.quit()

    def case_unprivileged(self):
        """the master's last act, as root, is for a helper that is not"""
        if os.geteuid() != 0:
            self.nginx()
            self.tap.ok(True, 'unprivileged: # SKIP not root')
            return
        n = self.nginx(user='user nobody nogroup;')
        os.chmod(n.dir, 0o777)
        n.start()
        self.receiver.down()
        load = Load(n.port)
        time.sleep(1)
        n.kill(signal.SIGKILL, n.helpers()[0])
        n.kill(signal.SIGTERM)
        n.proc.wait(15)
        done = load.finish()
        owners = set(os.stat(f).st_uid
                     for f in glob.glob(n.dir + '/spool/*.spool'))
        self.tap.ok(owners and 0 not in owners,
                    'unprivileged: segments are the worker user\'s')
        self.receiver.up()
        n.restart()
        self.check('unprivileged', done, kills=True)
        n.quit()

    def case_unsampled(self):
        """spans are sampled, metrics see every call"""
        n = self.nginx(sample='genai_sample 0;').start()
        load = Load(n.port, threads=1, flags='00')
        time.sleep(1)
        done = load.finish()
        time.sleep(0.5)
        a = n.accounts()['otlp']
        text = n.get('/genai/metrics')
        count = sum(float(v) for v in re.findall(
            r'^genai_requests_total{[^}]*} (\S+)$', text, re.M))
        seen = sum(float(v) for v in re.findall(
            r'^genai_duration_seconds_count{[^}]*} (\S+)$', text, re.M))
        self.tap.ok(count == len(done) and seen == len(done),
                    'unsampled: %d calls counted and observed' % count,
                    len(done), seen)
        self.tap.ok(not n.spans() and a['records'] == 0,
                    'unsampled: no span', a)
        n.quit()

    def case_resize(self):
        n = self.nginx().start()
        load = Load(n.port)
        for i in range(4 * self.long):
            time.sleep(0.5)
            n.change(queue='%dm' % (8 + 4 * (i % 2)),
                     zone='genai_zone zone=genai:%dm;' % (2 + i % 3),
                     workers=1 + i % 3)
            n.kill(signal.SIGHUP)
        time.sleep(0.7)
        done = load.finish()
        time.sleep(1)
        self.check('zones and workers resized', done)
        n.quit()

    def case_sinks(self):
        """a sink goes and comes"""
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.5)
        n.change(file=False)
        n.kill(signal.SIGHUP)
        time.sleep(1)
        n.change(file=True)
        n.kill(signal.SIGHUP)
        time.sleep(1)
        done = load.finish()
        wait(n.settled, 10, 'all is sent')
        self.balance_now('a sink goes and comes: balanced')
        miss = done - self.receiver.got()
        self.tap.ok(not miss, 'the other one gets all %d' % len(done),
                    len(miss))
        n.quit()

    def case_upgrade(self):
        n = self.nginx(daemon='daemon on;')
        subprocess.run(n.command(), check=True, stdin=subprocess.DEVNULL)
        wait(n.answers, 10, 'nginx answers')
        old = n.pid()
        load = Load(n.port)
        time.sleep(0.7)
        n.kill(signal.SIGUSR2)
        wait(lambda: os.path.exists(n.dir + '/logs/nginx.pid.oldbin')
             and os.path.exists(n.dir + '/logs/nginx.pid')
             and n.pid() != old, 5, 'the new binary starts')
        time.sleep(0.7)
        n.kill(signal.SIGWINCH, old)
        time.sleep(0.7)
        n.kill(signal.SIGQUIT, old)
        wait(lambda: not alive(old), 15, 'the old master leaves')
        time.sleep(0.5)
        done = load.finish()
        self.check('USR2 + WINCH + QUIT', done)
        n.quit()

    def case_master_kill(self):
        """the orphaned helper goes on while orphaned workers do"""
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.7)
        workers, helpers = n.workers(), n.helpers()
        n.kill(signal.SIGKILL)
        n.proc.wait(5)
        time.sleep(0.7)
        done = load.finish()
        for w in workers:
            n.kill(signal.SIGQUIT, w)
        wait(lambda: not any(alive(p) for p in workers + helpers), 15,
             'orphans leave')
        self.check('master SIGKILL', done, kills=True)

    def case_all_kill(self):
        """master, workers and helper at once: the spool survives"""
        n = self.nginx().start()
        self.receiver.down()
        load = Load(n.port)
        time.sleep(5)
        pids = [n.pid()] + n.workers() + n.helpers()
        before = set(load.done)
        a = n.accounts()['otlp']
        for p in pids:
            n.kill(signal.SIGKILL, p)
        n.proc.wait(5)
        done = load.finish()
        os.unlink(n.dir + '/logs/nginx.pid')
        self.receiver.up()
        n.restart()
        wait(n.settled, 15, 'all is sent')
        self.balance_now('all SIGKILL: balanced')
        miss = done - self.receiver.got()
        self.tap.note('all SIGKILL: %d answered, %d lost with the memory'
                      % (len(done), len(miss)))
        self.tap.ok(len(miss) < len(done) / 4
                    and a['spool_records'] > 0,
                    'all SIGKILL: %d of %d answered before were in the spool'
                    % (a['spool_records'], len(before)))
        n.quit()

    def case_daemon(self):
        n = self.nginx(daemon='daemon on;')
        subprocess.run(n.command(), check=True, stdin=subprocess.DEVNULL)
        wait(n.answers, 10, 'nginx answers')
        load = Load(n.port)
        time.sleep(1)
        n.kill(signal.SIGHUP)
        time.sleep(0.5)
        done = load.finish()
        n.quit()
        self.check('daemon on', done)

    def case_single(self):
        n = self.nginx(master='master_process off;').start()
        load = Load(n.port, threads=3)
        time.sleep(0.7)
        n.kill(signal.SIGHUP)
        time.sleep(0.5)
        n.change(queue='8m')
        n.kill(signal.SIGHUP)
        time.sleep(0.7)
        done = load.finish()
        self.check('master_process off', done)
        load = Load(n.port, threads=3)
        time.sleep(0.5)
        load.stop.set()
        done = load.finish()
        n.quit()
        self.check('master_process off, after QUIT', done)

    def trouble(self, mode, seconds=3, partial=False):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.5)
        if mode == 'down':
            self.receiver.down()
        else:
            self.receiver.mode = mode
        time.sleep(seconds * self.long)
        self.balance_now('receiver %s: balanced meanwhile' % mode)
        a = n.accounts()
        self.tap.ok(a['file']['pending'] < 1000 and a['file']['acked'] > 0,
                    'receiver %s: the other sink goes on' % mode)
        self.receiver.mode = 'ok'
        self.receiver.hung.set()
        self.receiver.up()
        time.sleep(0.3)
        times = sorted(load.times)
        done = load.finish()
        self.check('receiver %s and back' % mode, done, settle=40)
        self.tap.note('receiver %s: p99 of requests %.1f ms'
                      % (mode, times[len(times) * 99 // 100] * 1000))
        n.quit()

    def case_receiver_down(self):
        self.trouble('down', 12 if self.opts.full else 4)

    def case_receiver_hang(self):
        self.trouble('hang', 4)

    def case_receiver_500(self):
        self.trouble('500')

    def case_receiver_401(self):
        self.trouble('401')

    def case_receiver_retry_after(self):
        self.trouble('retry-after')

    def case_receiver_slow(self):
        self.trouble('slow')

    def case_receiver_partial(self):
        self.trouble('partial', 2)

    def case_small_spool(self):
        """the spool is full: the newest is dropped, and counted"""
        n = self.nginx(spool='1m').start()
        self.receiver.down()
        load = Load(n.port, pause=0)
        wait(lambda: n.accounts()['otlp']['dropped'] > 0
             or len(load.done) > 60000, 60, 'something is dropped')
        done = load.finish()
        self.balance_now('spool full: balanced')
        a = n.accounts()
        self.tap.ok(a['file']['dropped'] == 0,
                    'spool full: the other sink loses nothing', a['file'])
        miss = done - n.spans()
        size = sum(os.path.getsize(f)
                   for f in glob.glob(n.dir + '/spool/*.spool'))
        self.tap.ok(size <= 1024 * 1024, 'spool full: %d bytes' % size)
        self.receiver.up()
        wait(n.settled, 40, 'all is sent')
        a = n.accounts()['otlp']
        miss = done - self.receiver.got()
        self.tap.ok(len(miss) == a['dropped'],
                    'spool full: %d lost, %d counted'
                    % (len(miss), a['dropped']))
        n.quit()

    def case_quit_hang(self):
        """QUIT with a receiver that never answers takes seconds, not more"""
        n = self.nginx().start()
        self.receiver.mode = 'hang'
        load = Load(n.port)
        time.sleep(1)
        done = load.finish()
        begin = time.monotonic()
        n.quit()
        took = time.monotonic() - begin
        self.tap.ok(took < 5, 'QUIT, receiver hanging: %.1f s' % took)
        self.receiver.mode = 'ok'
        self.receiver.hung.set()
        n.restart()
        self.check('QUIT, receiver hanging, new start', done)
        n.quit()

    def case_rotate(self):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.5)
        os.rename(n.dir + '/spans.json', n.dir + '/spans.json.1')
        n.kill(signal.SIGUSR1)
        time.sleep(0.7)
        done = load.finish()
        self.check('rotation and USR1', done)
        self.tap.ok(os.path.exists(n.dir + '/spans.json'),
                    'USR1: a new file')
        n.quit()

    def run(self, names):
        cases = [m[5:] for m in dir(self) if m.startswith('case_')]
        first = ['plain', 'worker_kill', 'helper_kill']
        cases.sort(key=lambda c: (first.index(c) if c in first else 9, c))
        for case in names or cases:
            begin = time.monotonic()
            try:
                getattr(self, 'case_' + case)()
            except Exception as e:              # a case fails, others run
                self.tap.ok(False, '%s: %s: %s'
                            % (case, type(e).__name__, e))
                if self.opts.debug:
                    raise
            finally:
                self.n.cleanup()
                self.receiver.hung.set()
                self.receiver.down()
            self.tap.note('%s: %.1f s' % (case, time.monotonic() - begin))
        return self.tap.done()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('module')
    p.add_argument('cases', nargs='*')
    p.add_argument('--full', action='store_true')
    p.add_argument('--keep', action='store_true')
    p.add_argument('--debug', action='store_true')
    p.add_argument('--tmp', default=None)
    p.add_argument('--nginx', default='nginx')
    opts = p.parse_intermixed_args()
    # '-': the module is linked into the binary
    opts.module = '' if opts.module == '-' else os.path.abspath(opts.module)
    opts.nginx = shutil.which(opts.nginx) or '/usr/sbin/nginx'
    sys.exit(Chaos(opts).run(opts.cases))


main()
