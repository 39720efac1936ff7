"""What the benchmarks measure: the bodies, an upstream that sends them, and
the same gateway in several forms, each an nginx with one worker of its own.
"""

import asyncio
import json
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

sys.path.insert(0, os.path.join(TOP, 't', 'sim'))
import harness
from bedrock import frames

CLAUDE = '/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/'
TITAN = '/model/amazon.titan-embed-text-v2%3A0/invoke'
EVENTSTREAM = 'application/vnd.amazon.eventstream'
MODULES = '/usr/lib/nginx/modules/'

# so many events of a stream pass before it stands still
HELD = 20

WORDS = ('the gateway reads what passes and forwards it in the same call so '
         'that no event waits while tokens and their price are known when '
         'the last byte has gone').split()


# --- bodies ---

def prose(random_, size):
    """Words, with a line's end about every 80 bytes."""
    out, line = [], 0
    while size > 0:
        word = random_.choice(WORDS)
        line += len(word) + 1
        end = '\n' if line > 78 else ' '
        if end == '\n':
            line = 0
        out.append(word + end)
        size -= len(word) + 1
    return ''.join(out)


def converse_answer(size):
    doc = {'metrics': {'latencyMs': 1612},
           'output': {'message': {'content': [{'text': ''}],
                                  'role': 'assistant'}},
           'stopReason': 'end_turn',
           'usage': {'cacheReadInputTokenCount': 0, 'cacheReadInputTokens': 0,
                     'cacheWriteInputTokenCount': 0,
                     'cacheWriteInputTokens': 0, 'inputTokens': 412,
                     'outputTokens': 287, 'totalTokens': 699}}
    empty = len(frames.dumps(doc))
    doc['output']['message']['content'][0]['text'] = prose(
        random.Random(1), size - empty - size // 80)
    return frames.dumps(doc)


def stream_events(deltas):
    """The frames of a ConverseStream answer with so many text deltas."""
    r = random.Random(2)

    def one(name, payload):
        n = r.randrange(1, 40)
        return frames.event(name, frames.dumps(
            dict(payload, p=frames.PAD[:n])))

    out = [one('messageStart', {'role': 'assistant'})]
    for _ in range(deltas):
        out.append(one('contentBlockDelta', {
            'contentBlockIndex': 0,
            'delta': {'text': prose(r, r.randrange(3, 24))}}))
    out.append(one('contentBlockStop', {'contentBlockIndex': 0}))
    out.append(one('messageStop', {'stopReason': 'end_turn'}))
    out.append(one('metadata', {
        'metrics': {'latencyMs': 2841},
        'usage': {'inputTokens': 412, 'outputTokens': 287,
                  'totalTokens': 699}}))
    return out


def embedding_answer(floats=1024):
    r = random.Random(3)
    return frames.dumps({
        'embedding': [r.uniform(-0.1, 0.1) for _ in range(floats)],
        'embeddingsByType': {}, 'inputTextTokenCount': 42})


def question(size):
    """A Converse request of about this size: the turns of a dialogue."""
    r = random.Random(4)
    messages, have = [], 0
    while have < size or len(messages) % 2 == 0:
        text = prose(r, min(max(size - have, 40), 4000))
        have += len(text) * 81 // 80 + 50
        messages.append({
            'role': 'user' if len(messages) % 2 == 0 else 'assistant',
            'content': [{'text': text}]})
    return frames.dumps({
        'messages': messages, 'system': [{'text': 'Answer briefly.'}],
        'inferenceConfig': {'maxTokens': 512, 'temperature': 0.2}})


class Scenario:
    """A call and its answer; with events they come one by one, all at once
    from the upstream "burst" and in their time from "paced".
    """

    def __init__(self, name, path, ask, answer, content_type,
                 events=None, upstream='static'):
        self.name = name
        self.upstream = upstream
        self.path = path
        self.ask = ask
        self.answer = answer
        self.content_type = content_type
        self.events = events


def scenarios():
    events = stream_events(96)
    ask = question(300)
    return [
        Scenario('converse-1k', CLAUDE + 'converse', ask,
                 converse_answer(1400), 'application/json'),
        Scenario('stream-burst', CLAUDE + 'converse-stream', ask,
                 b''.join(events), EVENTSTREAM, events, 'burst'),
        Scenario('stream-paced', CLAUDE + 'converse-stream', ask,
                 b''.join(events), EVENTSTREAM, events, 'paced'),
        Scenario('embedding-22k', TITAN,
                 frames.dumps({'inputText': prose(random.Random(5), 200),
                               'dimensions': 1024, 'normalize': True}),
                 embedding_answer(), 'application/json'),
        Scenario('prompt-200k', CLAUDE + 'converse', question(200 * 1024),
                 converse_answer(1400), 'application/json'),
    ]


def request_bytes(scenario):
    return (b'POST %s HTTP/1.1\r\nHost: gateway.example\r\n'
            b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n'
            % (scenario.path.encode(), len(scenario.ask)) + scenario.ask)


# --- the upstreams ---

BASE = '''
daemon off;
worker_processes 1;
pid logs/nginx.pid;
error_log logs/error.log warn;
user root;
worker_rlimit_nofile 8192;
%(load)s
events { worker_connections 4096; }
http {
    client_body_temp_path tmp/b; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    access_log off;
    keepalive_requests 1000000;
    keepalive_timeout 60s;
    client_max_body_size 25m;
    client_body_buffer_size 512k;
%(http)s
}
'''


def static_upstream(directory, port, list_):
    """An nginx that answers a POST with the bytes of a file."""
    places = []
    for s in list_:
        name = s.name + '.body'
        with open(os.path.join(directory, name), 'wb') as f:
            f.write(s.answer)
        places.append('''
        location = %s {
            error_page 405 =200 /%s;
            return 405;
        }
        location = /%s {
            internal;
            root %s;
            types { }
            default_type %s;
            add_header x-amzn-RequestId 00000000-1111-2222-3333-444444444444;
        }''' % (s.path.replace('%3A', ':'), name, name, directory,
                s.content_type))
    # two scenarios may ask the same: the first answers
    seen, unique = set(), []
    for s, place in zip(list_, places):
        if s.path not in seen and s.upstream == 'static':
            seen.add(s.path)
            unique.append(place)
    http = '''
    server {
        listen 127.0.0.1:%d;
        open_file_cache max=100;
        etag off; %s
    }''' % (port, ''.join(unique))
    prefix = os.path.join(directory, 'upstream')
    return harness.Nginx(prefix, BASE % dict(load='', http=http), [port])


HEAD = ('HTTP/1.1 200 OK\r\nContent-Type: %s\r\n'
        'x-amzn-RequestId: 00000000-1111-2222-3333-444444444444\r\n'
        'Transfer-Encoding: chunked\r\n\r\n' % EVENTSTREAM).encode()


def chunked(data):
    return b'%x\r\n%s\r\n' % (len(data), data)


async def read_request(reader):
    """False at the end of the connection."""
    try:
        head = await reader.readuntil(b'\r\n\r\n')
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    m = re.search(rb'content-length: *(\d+)', head, re.I)
    if m:
        await reader.readexactly(int(m.group(1)))
    return True


class StreamUpstream:
    """Sends the events of an answer one by one, or some and then none."""

    def __init__(self, events, apart, hold=None):
        self.events = [chunked(e) for e in events]
        self.apart = apart
        self.hold = hold         # after so many events the stream stays open

    async def serve(self, reader, writer):
        loop = asyncio.get_running_loop()
        try:
            while await read_request(reader):
                writer.write(HEAD)
                at = loop.time()
                for i, e in enumerate(self.events):
                    if self.hold is not None and i >= self.hold:
                        await asyncio.sleep(3600)
                    writer.write(e)
                    at += self.apart
                    if at > loop.time():
                        await asyncio.sleep(at - loop.time())
                writer.write(b'0\r\n\r\n')
        except (ConnectionError, asyncio.IncompleteReadError,
                asyncio.CancelledError):
            pass
        finally:
            writer.close()


class BurstUpstream(asyncio.Protocol):
    """Sends an answer as Bedrock does, an event a chunk, but in one write."""

    def __init__(self, events):
        self.answer = HEAD + b''.join(map(chunked, events)) + b'0\r\n\r\n'
        self.came = b''

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.came += data
        while True:
            head = self.came.find(b'\r\n\r\n')
            if head < 0:
                return
            m = re.search(rb'content-length: *(\d+)', self.came[:head], re.I)
            end = head + 4 + (int(m.group(1)) if m else 0)
            if len(self.came) < end:
                return
            self.came = self.came[end:]
            self.transport.write(self.answer)


class Background:
    """The upstreams of streams, in a process of their own."""

    def __init__(self, events):
        self.events = events
        self.ports = {name: harness.free_port()
                      for name in ('burst', 'paced', 'held')}
        self.pid = os.fork()
        if self.pid == 0:
            try:
                asyncio.run(self._main())
            finally:
                os._exit(1)
        harness.wait_for('stream upstreams', 5, lambda: all(
            harness.listening(p) for p in self.ports.values()))

    async def _main(self):
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: BurstUpstream(self.events),
                                 '127.0.0.1', self.ports['burst'])
        for name, hold in (('paced', None), ('held', HELD)):
            up = StreamUpstream(self.events, 0.005, hold)
            await asyncio.start_server(up.serve, '127.0.0.1',
                                       self.ports[name], backlog=2048)
        await asyncio.Event().wait()

    def stop(self):
        os.kill(self.pid, 15)
        os.waitpid(self.pid, 0)


# --- the gateways ---

HTTP = '''
    upstream static { server 127.0.0.1:%(static)d; keepalive 32; }
    upstream burst { server 127.0.0.1:%(burst)d; keepalive 32; }
    upstream paced { server 127.0.0.1:%(paced)d; keepalive 32; }
    upstream held { server 127.0.0.1:%(held)d; }
    %(http)s
    server {
        listen 127.0.0.1:%(port)d;
        %(elsewhere)s
        location /genai/ { %(status)s }
    }'''

SERVER = '''
    server {
        listen 127.0.0.1:%(port)d backlog=2048;
        location / {
            %(meter)s
            proxy_pass http://%(upstream)s;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host bedrock-runtime.us-east-1.amazonaws.com;
            proxy_set_header Accept-Encoding "";
            proxy_buffering off;
            proxy_read_timeout 300s;
        }
    }'''


class Gateway:
    """One form of the gateway: plain, off, on, budget, lua, tuned or njs."""

    def __init__(self, name, directory, ports, under=()):
        self.name = name
        self.port = harness.free_port()
        self.prefix = os.path.join(directory, name)
        self.spans = os.path.join(self.prefix, 'logs', 'spans.jsonl')

        load = http = server = meter = ''
        status = 'return 404;'
        so = harness.find_module()

        if name in ('off', 'on', 'budget') and so is None:
            raise harness.Problem('the module is not built')

        if name in ('off', 'on', 'budget'):
            load = 'load_module %s;' % so
            status = 'genai_status;'
            http = '''
    genai_prices %s/conf.examples/prices.json;
    genai_queue 16m path=%s/spool;
    genai_exporter file { path %s; }''' % (TOP, self.prefix, self.spans)

        if name == 'off':
            # there is another location with it on: the filters are in
            server = 'location /elsewhere/ { genai bedrock; return 204; }'

        elif name == 'on':
            meter = 'genai bedrock;'

        elif name == 'budget':
            http += '''
    genai_budget_zone $http_host zone=tenant:10m limit=1000000usd/day;'''
            meter = 'genai bedrock; genai_budget zone=tenant;'

        elif name in ('lua', 'tuned'):
            load = ''.join('load_module %s%s;\n' % (MODULES, m) for m in
                           ('ndk_http_module.so', 'ngx_http_lua_module.so'))
            http = '''
    lua_package_path "%s/?.lua;;";
    lua_shared_dict tokens 1m;
    init_by_lua_block { meter = require "meter" }''' % HERE
            meter = 'body_filter_by_lua_block { meter.%s() }' % (
                'body' if name == 'lua' else 'tuned')

        elif name == 'njs':
            load = 'load_module %sngx_http_js_module.so;' % MODULES
            http = '''
    js_path %s/;
    js_import meter from meter.js;
    js_var $meter_input;
    js_var $meter_output;''' % HERE
            meter = 'js_body_filter meter.body buffer_type=buffer;'

        http = HTTP % dict(ports, http=http, port=self.port, status=status,
                           elsewhere=server)
        self.ports = {}
        for upstream in ports:
            self.ports[upstream] = harness.free_port()
            http += SERVER % dict(port=self.ports[upstream], meter=meter,
                                  upstream=upstream)

        self.under = under
        self.nginx = harness.Nginx(
            self.prefix, BASE % dict(load=load, http=http),
            [self.port, *self.ports.values()], under)

        try:
            harness.wait_for('worker of ' + name, 20, self._find)
            if name in ('on', 'budget') and not under:
                harness.wait_for('exporter', 10, self._find_exporter)
        except harness.Problem:
            self.stop()
            raise

    def _children(self):
        pid = self.nginx.process.pid
        with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
            for child in f.read().split():
                with open('/proc/%s/cmdline' % child) as c:
                    yield int(child), c.read()

    def _find(self):
        if self.under:
            # titles do not show; workers are started first
            self.worker = min([p for p, _ in self._children()], default=0)
            return self.worker
        self.worker = next((p for p, title in self._children()
                            if 'worker process' in title), 0)
        return self.worker

    def _find_exporter(self):
        self.exporter = next((p for p, title in self._children()
                              if 'genai exporter' in title), 0)
        return self.exporter

    exporter = 0

    def cpu(self, pid):
        """ns that the process has been on a CPU."""
        with open('/proc/%d/schedstat' % pid) as f:
            return int(f.read().split()[0])

    def private_kb(self):
        """Memory that is the worker's alone."""
        total = 0
        with open('/proc/%d/smaps_rollup' % self.worker) as f:
            for line in f:
                if line.startswith(('Private_Clean', 'Private_Dirty',
                                    'Swap:')):
                    total += int(line.split()[1])
        return total

    def counters(self):
        """name → sum of its samples"""
        out = {}
        text = harness.get('http://127.0.0.1:%d/genai/metrics' % self.port)
        for line in text.splitlines():
            if line and line[0] != '#':
                name, value = re.match(r'([^{ ]+)\S* (?:.*} )?(\S+)',
                                       line).groups()
                try:
                    out[name] = out.get(name, 0) + float(value)
                except ValueError:
                    pass
        return out

    def forget_spans(self):
        if os.path.exists(self.spans):
            os.truncate(self.spans, 0)

    def stop(self):
        self.nginx.stop()
