#!/usr/bin/env python3
"""The tap changes nothing: every body of the corpus goes through a location
with genai on and through one without, and the bytes that the client gets are
the same; so are the moments at which the events of a stream arrive.  What the
variables say afterwards is what the corpus expects.
"""

import glob
import json
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness

CORPUS = os.path.join(tap.TOP, 't', 'corpus')

# what access_log can say, and the fact of the corpus that it must equal
FACTS = {
    'api': 'api', 'operation': 'operation', 'step': 'step', 'model': 'model',
    'provider': 'provider', 'response_model': 'response_model',
    'input_tokens': 'input_tokens', 'output_tokens': 'output_tokens',
    'cache_read_tokens': 'cache_read_tokens',
    'cache_write_tokens': 'cache_write_tokens',
    'reasoning_tokens': 'reasoning_tokens', 'total_tokens': 'total_tokens',
    'stop_reason': 'stop_reason', 'usage_source': 'usage_source',
    'error': 'error_type', 'request_id': 'request_id', 'cost': 'cost_pico',
    'tools': 'tools',
}

HTTP = '''
    genai_exporter file { path logs/spans.jsonl; interval 100ms; }
    proxy_set_header Host $http_host;
    proxy_set_header Connection close;

    log_format facts escape=json '{"case":"$http_x_case"%(pairs)s}';

    server {
        listen 127.0.0.1:%(port)d;
        access_log logs/facts.log facts;

        location / { genai auto; proxy_pass http://127.0.0.1:%(up)d; }
        location /unbuffered/ {
            genai auto; proxy_buffering off; proxy_request_buffering off;
            rewrite ^/unbuffered(.*)$ $1 break;
            proxy_pass http://127.0.0.1:%(up)d$request_uri;
        }
    }

    server {
        listen 127.0.0.1:%(control)d;
        access_log off;
        location / { proxy_pass http://127.0.0.1:%(up)d; }
        location /unbuffered/ {
            proxy_buffering off; proxy_request_buffering off;
            proxy_pass http://127.0.0.1:%(up)d$request_uri;
        }
    }
'''


class Upstream(harness.Upstream):
    """Sends the answer of the case that X-Case names, as X-Pieces says."""

    def __init__(self, cases):
        self.cases = cases
        self.sent = []
        super().__init__()

    def answer(self, request, headers, body):
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if 'x-paced' in headers:
            return self.paced(request)

        case = self.cases[headers['x-case']]
        head, _, body = case['res'].partition(b'\r\n\r\n')
        length = len(body) + (100 if case['end'] == 'cut' else 0)
        head = re.sub(rb'\r\n(content-length|transfer-encoding|'
                      rb'connection):[^\r]*', b'', head, flags=re.I)
        out = head + b'\r\nContent-Length: %d\r\nConnection: close' \
            b'\r\n\r\n' % length + body
        step = int(headers.get('x-pieces', 0)) or len(out) or 1

        for i in range(0, len(out), step):
            request.sendall(out[i:i + step])

    def paced(self, request):
        """the events of a stream, 25 ms apart"""
        case = self.cases['converse-stream/plain']
        body = case['res'].partition(b'\r\n\r\n')[2]
        request.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Type: application/'
            b'vnd.amazon.eventstream\r\nTransfer-Encoding: chunked'
            b'\r\nConnection: close\r\n\r\n')
        for frame in frames(body):
            self.sent.append(time.monotonic())
            request.sendall(b'%x\r\n%s\r\n' % (len(frame), frame))
            time.sleep(0.025)
        request.sendall(b'0\r\n\r\n')


def frames(body):
    while body:
        n = int.from_bytes(body[:4], 'big')
        yield body[:n]
        body = body[n:]


def load():
    cases = {}
    for path in sorted(glob.glob(CORPUS + '/*/*.facts')):
        stem = path[:-len('.facts')]
        name = os.path.relpath(stem, CORPUS)
        facts = {}
        for line in open(path, encoding='utf-8'):
            if '=' in line:
                k, _, v = line.rstrip('\n').partition(' = ')
                facts[k] = v
        cases[name] = {
            'req': open(stem + '.req', 'rb').read(),
            'res': open(stem + '.res', 'rb').read(),
            'end': facts.get('.end', 'complete'), 'facts': facts,
        }
    return cases


def talk(port, request, pieces=0):
    """All bytes that come back, without the headers that differ by time."""
    s = socket.create_connection(('127.0.0.1', port), 10)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if pieces:
        for i in range(0, len(request), pieces):
            s.sendall(request[i:i + pieces])
    else:
        s.sendall(request)
    out = b''
    try:
        while True:
            got = s.recv(65536)
            if not got:
                break
            out += got
    except OSError:
        out += b'<reset>'
    s.close()
    return re.sub(rb'\r\nDate: [^\r]*', b'', out, count=1)


def request_of(name, case, prefix='', pieces=0, extra=b''):
    head, _, body = case['req'].partition(b'\r\n\r\n')
    lines = head.split(b'\r\n')
    method, path, version = lines[0].split(b' ')
    lines[0] = b' '.join((method, prefix.encode() + path, version))
    lines = [x for x in lines
             if not x.lower().startswith((b'content-length', b'connection'))]
    lines += [b'X-Case: ' + name.encode(), b'Connection: close',
              b'Content-Length: %d' % len(body)]
    if pieces:
        lines.append(b'X-Pieces: %d' % pieces)
    return b'\r\n'.join(lines) + extra + b'\r\n\r\n' + body


def wanted(facts, key):
    v = facts.get(key, '')
    if key == 'cost_pico' and v:
        v = ('%d.%012d' % divmod(int(v), 10 ** 12)).rstrip('0').rstrip('.')
    return v


def bytes_equal(cases, ports):
    modes = [('buffered, whole', '', 0), ('buffered, 1-byte writes', '', 1),
             ('unbuffered, whole', '/unbuffered', 0),
             ('unbuffered, 7-byte writes', '/unbuffered', 7)]

    for text, prefix, pieces in modes:
        wrong = []
        for name, case in cases.items():
            if pieces == 1 and len(case['res']) > 6000:
                continue
            r = request_of(name, case, prefix, pieces)
            if talk(ports[0], r) != talk(ports[1], r):
                wrong.append(name)
        tap.ok(not wrong, 'bytes are those of the control, %s (%d bodies)'
               % (text, len(cases)), '\n'.join(wrong))

    wrong = []
    for name, case in cases.items():
        r = request_of(name, case)
        if len(r) < 4000 and talk(ports[0], r, 1) != talk(ports[1], r):
            wrong.append(name)
    tap.ok(not wrong, 'bytes are those of the control when the request comes '
           'byte by byte', '\n'.join(wrong))


def facts_equal(cases, log):
    """every line of the log, whatever mode it came in"""
    seen, wrong = 0, {}
    for line in open(log, encoding='utf-8'):
        got = json.loads(line)
        if got['case'] not in cases:
            continue
        case = cases[got['case']]
        if case['end'] == 'aborted' or '.origin' in case['facts']:
            continue          # t/behaviour/edges.py has those
        seen += 1
        for var, fact in FACTS.items():
            want = wanted(case['facts'], fact)
            if fact == 'cost_pico' and not want:
                continue
            # what a cut stream cost is estimated after the bodies were read
            if got['usage_source'] == 'estimate' \
                    and '.estimate' not in case['facts']:
                continue
            if got[var] != want:
                wrong.setdefault(got['case'], set()).add(
                    '%s: got %r, expected %r' % (var, got[var], want))

    tap.ok(seen and not wrong, 'the variables say what the corpus expects '
           '(%d calls)' % seen,
           '\n'.join('%s: %s' % (k, ', '.join(sorted(v)))
                     for k, v in sorted(wrong.items())))


# request facts are on the span, by its trace id
SPAN = {
    'max_tokens': 'gen_ai.request.max_tokens',
    'prompt_chars': 'rag.prompt_length_chars',
    'temperature': 'gen_ai.request.temperature',
    'top_p': 'gen_ai.request.top_p',
    'embedding_dimension': 'gen_ai.embeddings.dimension.count',
    'guardrail_id': 'aws.bedrock.guardrail.id',
    'attempt': 'genai.attempt',
}


def spans_equal(cases, log, spans):
    traces = {}
    for line in open(log, encoding='utf-8'):
        got = json.loads(line)
        traces[got['trace_id']] = got['case']

    seen, wrong = 0, {}
    for line in open(spans, encoding='utf-8'):
        for rs in json.loads(line)['resourceSpans']:
            for ss in rs['scopeSpans']:
                for s in ss['spans']:
                    case = cases.get(traces.get(s['traceId']))
                    if case is None:
                        continue
                    seen += 1
                    attrs = {a['key']: str(list(a['value'].values())[0])
                             for a in s['attributes']}
                    for fact, key in SPAN.items():
                        want = case['facts'].get(fact)
                        if want is None:
                            continue
                        if fact == 'embedding_dimension' and case['facts'][
                                'operation'] != 'embeddings':
                            continue
                        if fact == 'prompt_chars' and case['facts'].get(
                                'operation') not in ('chat',
                                                     'text_completion'):
                            continue
                        if fact == 'prompt_chars' \
                                and 'system_chars' in case['facts']:
                            want = str(int(want) + int(
                                case['facts']['system_chars']))
                        got = attrs.get(key)
                        if got is None or (got != want and
                                           float(got) != float(want)):
                            wrong.setdefault(traces[s['traceId']], set()) \
                                .add('%s: got %r, expected %r'
                                     % (key, got, want))
    tap.ok(seen >= len(cases) and not wrong, 'the spans say what the corpus '
           'expects of requests (%d spans)' % seen,
           '\n'.join('%s: %s' % (k, ', '.join(sorted(v)))
                     for k, v in sorted(wrong.items())))


def arrivals(port):
    """when each frame of the paced stream has come, after it was sent"""
    s = socket.create_connection(('127.0.0.1', port), 10)
    s.sendall(b'POST /model/m/converse-stream HTTP/1.1\r\nHost: x\r\n'
              b'X-Paced: 1\r\nContent-Length: 2\r\n\r\n{}')
    buf, times = b'', []
    s.settimeout(10)
    while not buf.endswith(b'0\r\n\r\n'):
        got = s.recv(65536)
        if not got:
            break
        now = time.monotonic()
        buf += got
        times += [now] * got.count(b':message-type')
    s.close()
    return times


def no_delay(upstream, ports):
    lag = []
    for port in ports:
        best = None
        for _ in range(3):
            upstream.sent = []
            times = arrivals(port)
            if len(times) != len(upstream.sent):
                continue
            worst = max(t - s for t, s in zip(times, upstream.sent))
            best = worst if best is None else min(best, worst)
        lag.append(best)

    tap.note('slowest event: %.2f ms with genai, %.2f ms without'
             % (lag[0] * 1e3, lag[1] * 1e3))
    # an event that waited for the next one would be 25 ms late
    tap.ok(lag[0] < lag[1] + 0.015, 'no event of a stream waits')


def main():
    cases = load()
    upstream = Upstream(cases)
    ports = {k: harness.free_port() for k in ('port', 'control')}
    both = (ports['port'], ports['control'])
    pairs = ''.join(',"%s":"$genai_%s"' % (v, v)
                    for v in list(FACTS) + ['trace_id'])

    with harness.gateway('transparency', HTTP, upstream, ports,
                         pairs=pairs) as nginx:
        log = os.path.join(nginx.prefix, 'logs', 'facts.log')
        bytes_equal(cases, both)
        no_delay(upstream, both)
        time.sleep(0.5)
        facts_equal(cases, log)
        spans_equal(cases, log,
                    os.path.join(nginx.prefix, 'logs', 'spans.jsonl'))
        tap.no_alerts(nginx)
        noisy = [x for x in nginx.errors().splitlines()
                 if 'genai' in x and re.search(r'\[(warn|error)\]', x)
                 and 'unpriced' not in x]
        tap.ok(not noisy, 'no line above info for a request', noisy[:5])

    tap.done()


if __name__ == '__main__':
    main()
