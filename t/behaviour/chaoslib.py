"""What the chaos test needs: servers, load, nginx, TAP."""

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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import processes

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

    def during(self, seconds):
        """times of the requests that were answered in these seconds"""
        begin = len(self.times)
        time.sleep(seconds)
        return self.times[begin:]

    def windows(self, seconds, each=0.25):
        """the same, apart for each so many seconds"""
        return [w for w in (self.during(each)
                            for _ in range(int(seconds / each)))
                if len(w) >= 20]

    def finish(self):
        self.stop.set()
        for t in self.threads:
            t.join(20)
        return set(self.done)


def quantile(times, percent):
    return sorted(times)[len(times) * percent // 100]


def usual(windows, percent):
    """that quantile of the middle one of some windows of time: what else the
    machine does for a moment is in few of them"""
    all_ = sorted(quantile(w, percent) for w in windows)
    return all_[len(all_) // 2]


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
        self.seen = set()               # children, also of dead masters

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
        return processes.children(parent or self.pid(), title)

    def workers(self):
        pids = self.children('worker process')
        self.seen.update(pids)
        return pids

    def helpers(self):
        pids = self.children('genai exporter')
        self.seen.update(pids)
        return pids

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

    def dropped(self, sink):
        """{reason: records lost}"""
        return {reason: int(value) for reason, value in re.findall(
            r'^genai_export_dropped_total\{(?=[^}]*sink="%s")'
            r'[^}]*reason="(\w+)"[^}]*\} (\d+)$' % sink,
            self.get('/genai/metrics'), re.M)}

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

    def log(self):
        with open(self.dir + '/logs/error.log') as f:
            return f.read().splitlines()

    def errors(self):
        return [line for line in self.log()
                if re.search(r'\[(alert|crit|emerg)\]', line)]

    def masters(self):
        """every process that was started with this directory"""
        out = []
        for path in glob.glob('/proc/[0-9]*/cmdline'):
            try:
                with open(path) as f:
                    if self.dir + '/' in f.read():
                        out.append(int(path.split('/')[2]))
            except OSError:
                pass
        return out

    def cleanup(self):
        masters = self.masters()
        pids = masters + [k for m in masters for k in self.children('', m)]
        for pid in pids + sorted(self.seen):
            try:
                with open('/proc/%d/cmdline' % pid) as f:
                    if 'nginx' in f.read():
                        os.kill(pid, signal.SIGKILL)
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
