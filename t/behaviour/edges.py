#!/usr/bin/env python3
"""What goes wrong in the middle, and what nobody should send: the bytes pass
as they are, the call says what happened, the memory stays flat.
"""

import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness
import spans

HAIKU = 'anthropic.claude-haiku-4-5-20251001-v1%3A0'

HTTP = '''
    genai_exporter file { path logs/spans.jsonl; interval 100ms; }

    log_format facts escape=json '{"name":"$http_x_name",'
        '"status":"$status","in":"$genai_input_tokens",'
        '"out":"$genai_output_tokens","src":"$genai_usage_source",'
        '"error":"$genai_error","skip":"$genai_skip_reason",'
        '"cost":"$genai_cost","ttft":"$genai_ttft",'
        '"stop":"$genai_stop_reason","trace":"$genai_trace_id"}';
    access_log logs/facts.log facts;

    server {
        listen 127.0.0.1:%(port)d;
        location / {
            genai bedrock; proxy_buffering off;
            proxy_pass http://127.0.0.1:%(up)d;
        }
        location /genai/ { genai_status; access_log off; }
    }
    server {
        listen 127.0.0.1:%(h2)d http2;
        location / {
            genai bedrock; proxy_buffering off;
            proxy_pass http://127.0.0.1:%(up)d;
        }
    }
    server {
        listen 127.0.0.1:%(control)d;
        access_log off;
        location / {
            proxy_buffering off; proxy_pass http://127.0.0.1:%(up)d;
        }
    }
'''


def frame(event, payload, crc=None):
    headers = b''
    for k, v in ((':event-type', event), (':content-type',
                 'application/json'), (':message-type', 'event')):
        headers += bytes([len(k)]) + k.encode() + b'\x07' \
            + struct.pack('>H', len(v)) + v.encode()
    body = json.dumps(payload).encode()
    head = struct.pack('>II', 16 + len(headers) + len(body), len(headers))
    out = head + struct.pack('>I', zlib.crc32(head)) + headers + body
    return out + struct.pack('>I', zlib.crc32(out) if crc is None else crc)


def stream(events=20):
    out = [frame('messageStart', {'role': 'assistant'})]
    for i in range(events):
        out.append(frame('contentBlockDelta', {
            'contentBlockIndex': 0, 'delta': {'text': 'word %d and more ' % i},
            'p': 'abcdefgh'}))
    out.append(frame('messageStop', {'stopReason': 'end_turn'}))
    out.append(frame('metadata', {'usage': {
        'inputTokens': 11, 'outputTokens': 40, 'totalTokens': 51},
        'metrics': {'latencyMs': 5}}))
    return out


class Upstream(harness.Upstream):
    def __init__(self):
        self.answers = {}
        super().__init__()

    def answer(self, request, headers, body):
        self.answers[headers['x-name']](request)


def head(request, kind='application/vnd.amazon.eventstream', length=None):
    text = 'HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n' \
        % kind
    if length is not None:
        text += 'Content-Length: %d\r\n' % length
    request.sendall(text.encode() + b'\r\n')


def whole(body, kind):
    def answer(request):
        head(request, kind, len(body))
        request.sendall(body)
    return answer


def slow(request):
    head(request)
    for f in stream(40):
        request.sendall(f)
        time.sleep(0.02)


def cut(request):
    """ends inside a frame, with its length unknown to HTTP"""
    out = b''.join(stream())
    head(request, length=len(out))
    request.sendall(out[:len(out) * 2 // 3])


def post(port, name, body=b'{}', path=HAIKU, op='converse-stream', read=None):
    s = socket.create_connection(('127.0.0.1', port), 20)
    s.settimeout(20)
    s.sendall(('POST /model/%s/%s HTTP/1.1\r\nHost: gw\r\nX-Name: %s\r\n'
               'Connection: close\r\nContent-Length: %d\r\n\r\n'
               % (path, op, name, len(body))).encode())
    s.sendall(body)
    out = b''
    while read is None or len(out) < read:
        try:
            got = s.recv(1 << 16)
        except OSError:
            break
        if not got:
            break
        out += got
    if read is not None:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack('ii', 1, 0))
    s.close()
    return re.sub(rb'\r\nDate: [^\r]*', b'', out, count=1)


class Log:
    def __init__(self, path):
        self.path = path

    def find(self, name, count=1, seconds=10):
        def look():
            found = [json.loads(x) for x in open(self.path, encoding='utf-8')
                     if '"name":"%s"' % name in x]
            return found if len(found) >= count else None
        return harness.wait_for('the log line of ' + name, seconds, look)[-1]


def span(prefix, trace):
    return harness.wait_for('the span ' + trace, 10,
                            lambda: spans.raw(os.path.join(
                                prefix, 'logs/spans.jsonl')).get(trace))


def worker_memory(nginx, field):
    """kB of the worker"""
    for pid in os.listdir('/proc'):
        if not pid.isdigit():
            continue
        try:
            stat = open('/proc/%s/stat' % pid).read()
            line = open('/proc/%s/cmdline' % pid).read()
            if int(stat.rsplit(')', 1)[1].split()[1]) == nginx.process.pid \
                    and 'worker process' in line:
                text = open('/proc/%s/status' % pid).read()
                return int(re.search(r'%s:\s+(\d+)' % field, text).group(1))
        except OSError:
            pass
    return 0


def aborts(ports, log, prefix, upstream):
    upstream.answers['leaves'] = slow
    post(ports['port'], 'leaves', b'{"messages":[{"role":"user","content":'
         b'[{"text":"tell me of the sea and of the ships"}]}]}', read=1500)
    got = log.find('leaves')
    tap.equal(got['error'], 'client_closed_request',
              'a client that leaves is an error of its own kind')
    tap.ok(got['src'] == 'estimate' and int(got['out']) > 0
           and got['in'] == '9' and float(got['cost']) > 0,
           'its usage is what passed, is priced, and says so', got)
    attrs = span(prefix, got['trace'])
    tap.ok(attrs.get('genai.aborted') is True
           and attrs.get('genai.usage.complete') is False
           and attrs.get('genai.error.origin') == 'client',
           'its span is aborted, incomplete, the client did it', attrs)

    upstream.answers['cut'] = cut
    post(ports['port'], 'cut')
    got = log.find('cut')
    tap.ok(got['error'] and got['error'] != 'client_closed_request',
           'an upstream that breaks off is an error', got)
    attrs = span(prefix, got['trace'])
    tap.ok(attrs.get('genai.error.origin') == 'upstream'
           and attrs.get('genai.usage.complete') is False,
           'the upstream did it, usage is incomplete', attrs)


def http2(ports, log, upstream):
    upstream.answers['h2'] = whole(b''.join(stream()),
                                   'application/vnd.amazon.eventstream')
    done = subprocess.run(
        ['curl', '-s', '--http2-prior-knowledge', '-H', 'X-Name: h2',
         '-d', '{}', '-o', '/dev/null', '-w', '%{http_version}',
         'http://127.0.0.1:%d/model/%s/converse-stream'
         % (ports['h2'], HAIKU)], capture_output=True, text=True)
    got = log.find('h2')
    tap.ok(done.stdout == '2' and got['in'] == '11' and got['out'] == '40'
           and got['stop'] == 'end_turn', 'h2c: the same facts', got)

    upstream.answers['h2-leaves'] = slow
    subprocess.run(
        ['curl', '-s', '--http2-prior-knowledge', '-H', 'X-Name: h2-leaves',
         '-d', '{}', '-o', '/dev/null', '-m', '0.3',
         'http://127.0.0.1:%d/model/%s/converse-stream'
         % (ports['h2'], HAIKU)])
    got = log.find('h2-leaves')
    tap.ok(got['error'] == 'client_closed_request' and int(got['out']) > 0,
           'h2c: a client that leaves', got)


def bad_bodies():
    """name, content type, bytes"""
    es = 'application/vnd.amazon.eventstream'
    js = 'application/json'
    good = stream(5)

    yield 'wrong-crc', es, b''.join(good[:2]) \
        + frame('contentBlockDelta', {'delta': {'text': 'x'}}, crc=1) \
        + b''.join(good[2:])
    yield 'length-too-small', es, good[0] + b'\x00\x00\x00\x08' + b'\0' * 40
    yield 'length-too-large', es, good[0] + b'\xff\xff\xff\xff' + b'\0' * 40
    yield 'headers-too-large', es, struct.pack('>II', 1000, 999999) \
        + b'\0' * 992
    yield 'text-as-events', es, b'this is not an event stream at all' * 10
    yield 'deep', js, b'{"a":' * 5000 + b'1' + b'}' * 5000
    yield 'deep-arrays', js, b'[' * 100000
    yield 'not-a-number', js, b'{"usage":{"inputTokens":NaN,' \
        b'"outputTokens":Infinity,"totalTokens":-1e999}}'
    yield 'huge-number', js, b'{"usage":{"inputTokens":' + b'9' * 4000 + b'}}'
    yield 'string-tokens', js, b'{"usage":{"inputTokens":"12",' \
        b'"outputTokens":[1],"totalTokens":{"a":1}}}'
    yield 'half', js, b'{"usage":{"inputTokens":25,"outp'
    yield 'empty', js, b''
    yield 'zeros', js, b'\0' * 5000
    yield 'latin1', js, b'{"output":{"message":{"content":[{"text":"\xe9\xff' \
        b'"}]}},"usage":{"inputTokens":3,"outputTokens":4}}'
    yield 'lone-surrogate', js, b'{"stopReason":"\\ud800\\ud800","usage":' \
        b'{"inputTokens":3,"outputTokens":4}}'
    yield 'duplicate-keys', js, b'{"usage":{"inputTokens":3},' \
        b'"usage":{"inputTokens":4,"outputTokens":1}}'
    yield 'html-as-json', js, b'<html><body>502</body></html>'
    yield 'long-key', js, b'{"' + b'k' * 100000 + b'":1}'

    rnd = random.Random(23)
    whole_ = b''.join(good)
    for i in range(60):
        b = bytearray(whole_)
        for _ in range(rnd.randrange(1, 12)):
            b[rnd.randrange(len(b))] = rnd.randrange(256)
        yield 'random-%d' % i, es, bytes(b)


def bad_input(ports, log, prefix, upstream):
    wrong, count = [], 0
    for name, kind, body in bad_bodies():
        upstream.answers[name] = whole(body, kind)
        op = 'converse' if kind == 'application/json' else 'converse-stream'
        count += 1
        if post(ports['port'], name, op=op) != post(ports['control'], name,
                                                    op=op):
            wrong.append(name)
    tap.ok(not wrong, 'bad bodies pass unchanged (%d)' % count, wrong)

    wrong = []
    for name in ('wrong-crc', 'length-too-small', 'length-too-large',
                 'headers-too-large', 'deep', 'half', 'html-as-json',
                 'zeros', 'empty'):
        got = log.find(name)
        attrs = span(prefix, got['trace'])
        if attrs.get('genai.usage.complete') is not False \
                or not attrs.get('error.type'):
            wrong.append('%s: %s' % (name, attrs))
    tap.ok(not wrong, 'their spans are incomplete and name the error',
           '\n'.join(wrong))

    wrong = []
    for name, body in (('bad-request', b'{"messages":[{'),
                       ('nested-request', b'[' * 200000),
                       ('binary-request', bytes(range(256)) * 100)):
        upstream.answers[name] = whole(
            b'{"usage":{"inputTokens":1,"outputTokens":2}}',
            'application/json')
        if b'"inputTokens":1' not in post(ports['port'], name, body,
                                          op='converse'):
            wrong.append(name)
        if log.find(name)['in'] != '1':
            wrong.append(name + ': not read')
    tap.ok(not wrong, 'bad requests pass, their answers are read', wrong)


def large(ports, log, nginx, upstream):
    body = b'{"messages":[{"role":"user","content":[{"text":"' \
        + b'lorem \\"ipsum\\" ' * 1600000 + b'"}]}]}'
    answer = b'{"output":{"message":{"content":[{"text":"' \
        + b'dolor sit amet, ' * 1500000 + b'"}]}},"stopReason":"end_turn",' \
        b'"usage":{"inputTokens":7,"outputTokens":8,"totalTokens":15}}'
    upstream.answers['warm'] = whole(answer[:100000], 'application/json')
    post(ports['port'], 'warm', body[:100000], op='converse')
    before = worker_memory(nginx, 'VmHWM')
    upstream.answers['large'] = whole(answer, 'application/json')
    got = post(ports['port'], 'large', body, op='converse')
    after = worker_memory(nginx, 'VmHWM')
    tap.ok(got.endswith(answer[-200:]) and len(got) > len(answer),
           '%d MB up, %d MB down pass' % (len(body) >> 20,
                                          len(answer) >> 20))
    facts = log.find('large')
    tap.ok(facts['in'] == '7' and facts['out'] == '8', 'and are read', facts)
    tap.ok(after - before < 4096, 'the worker does not grow with a body',
           '%d kB before, %d kB after' % (before, after))
    tap.note('peak memory of the worker: %d kB, then %d kB'
             % (before, after))


def unpriced(ports, log, nginx, upstream):
    upstream.answers['unpriced'] = whole(
        b'{"usage":{"inputTokens":1,"outputTokens":2}}', 'application/json')
    for _ in range(5):
        post(ports['port'], 'unpriced', path='acme.%1b%5b31m', op='converse')
    log.find('unpriced', 5)
    lines = [x for x in nginx.errors().splitlines() if 'no price for' in x]
    tap.ok(len(lines) == 1 and '"acme.?[31m"' in lines[0],
           'a model without a price is told once, without what could steer '
           'a terminal', '\n'.join(lines))


def main():
    upstream = Upstream()
    ports = {k: harness.free_port() for k in ('port', 'h2', 'control')}

    with harness.gateway('edges', HTTP, upstream, ports) as nginx:
        prefix = nginx.prefix
        log = Log(os.path.join(prefix, 'logs', 'facts.log'))
        aborts(ports, log, prefix, upstream)
        http2(ports, log, upstream)
        bad_input(ports, log, prefix, upstream)
        large(ports, log, nginx, upstream)
        unpriced(ports, log, nginx, upstream)
        tap.no_alerts(nginx)
        noisy = [x for x in nginx.errors().splitlines()
                 if re.search(r'\[(warn|error)\] .*genai', x)
                 and 'temporary file' not in x and 'no price for' not in x]
        tap.ok(not noisy, 'no line above info of ours for a request',
               '\n'.join(noisy[:5]))

    tap.done()


if __name__ == '__main__':
    main()
