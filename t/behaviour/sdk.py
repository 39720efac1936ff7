#!/usr/bin/env python3
"""The real AWS SDKs, unmodified, against the simulator, then through nginx,
then through nginx with the module: they must see the same every time, and
their sums must be the simulator's own. The simulator checks every signature,
so a changed path, header or body would fail. TAP on stdout.

GENAI_MODULE names the module (default: below build/nginx; `none` leaves that
part out), NGINX the binary.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, 'sim'))

import harness                              # noqa: E402
import spans                                # noqa: E402

MODEL = 'us.anthropic.claude-sonnet-4-6'
ARN = ('arn:aws:bedrock:us-east-1:111122223333:'
       'application-inference-profile/abc123def456')
TEXT = 'Grüße, 世界 🙂 — "quoted", a\\b\nand a second line.'
PARENT = '00-6921f00a4bf92f3577b34da6a3ce929d-00f067aa0ba902b7-01'
TOKENS = ('input', 'output', 'cache_read', 'cache_write', 'cache_write_1h')

# the beginning of an nginx.conf, as far into http as all need
HEAD = '''
%(load)s
daemon off;
user root;
worker_processes 1;
pid logs/nginx.pid;
lock_file logs/lock;
error_log logs/error.log info;

events { worker_connections 512; }

http {
    client_body_temp_path tmp/client;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
'''

CONF = HEAD + '''
    access_log off;
%(genai_http)s

    upstream bedrock {
        server 127.0.0.1:%(sim)d;
        keepalive 8;
    }

    server {
        listen 127.0.0.1:%(h1)d;
        listen 127.0.0.1:%(h2)d http2;
        client_max_body_size 25m;

        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_buffering %(buffering)s;
        proxy_next_upstream off;
        proxy_read_timeout 300s;

        location /model/ {
%(genai_location)s
            proxy_pass http://bedrock;
        }

        location / {
            proxy_pass http://bedrock;
        }
    }
}
'''

count = failed = 0


def ok(cond, name, detail=None):
    global count, failed
    count += 1
    print('%sok %d - %s' % ('' if cond else 'not ', count, name), flush=True)
    if not cond:
        failed += 1
        if detail is not None:
            print('#   ' + json.dumps(detail, default=str)[:1500])
    return cond


def say(prompt, **d):
    return '%s sim:%s' % (prompt, json.dumps(d))


def converse(name, op='Converse', model=MODEL, **d):
    return {'name': name, 'op': op, 'params': {
        'modelId': model, 'inferenceConfig': {'maxTokens': 4096},
        'messages': [{'role': 'user', 'content': [
            {'text': say('hello naïve world', **d)}]}]}}


def stream(name, **d):
    return converse(name, 'ConverseStream', **d)


def invoke(name, op='InvokeModel', model=MODEL, **d):
    return {'name': name, 'op': op, 'params': {
        'modelId': model, 'contentType': 'application/json',
        'body': {'anthropic_version': 'bedrock-2023-05-31',
                 'max_tokens': 4096,
                 'messages': [{'role': 'user',
                               'content': say('hello', **d)}]}}}


def usage(**want):
    def check(r):
        return r['ok'] and all(r['usage'].get(k) == v
                               for k, v in want.items())
    return check


def both(*checks):
    return lambda r: all(c(r) for c in checks)


def has(**want):
    def check(r):
        return all(r.get(k) == v for k, v in want.items())
    return check


def text(want):
    return has(text_sha256=hashlib.sha256(want.encode()).hexdigest())


def raises(name, attempts=1, code=None):
    """code: boto's, when it names the class otherwise"""
    def check(r):
        if r['ok']:
            return False
        if r['sdk'].startswith('boto3'):
            return (r['exception'] == (code or name).split(':')[0]
                    and (not code or ':' not in code
                         or r['code'] == code.split(':')[1])
                    and r.get('attempts') in (None, attempts))
        return r['exception'] == name
    return check


def by_sdk(boto, js):
    return lambda r: (boto if r['sdk'].startswith('boto3') else js)(r)


def cases():
    """(call, check of what the SDK saw)"""
    traced = converse('trace headers')
    traced['headers'] = {'traceparent': PARENT, 'tracestate': 'a=b'}
    left = stream('leaves early', events=400, delay_ms=5)
    left['abort_after'] = 3

    return [
        (converse('Converse', input=11, output=236, cache_write=1028,
                  cache_read=5, ttl='1h', text=TEXT),
         both(usage(input=11, output=236, total=1280, cache_read=5,
                    cache_write=1028, cache_write_1h=1028), text(TEXT),
              has(stop='end_turn', status=200, attempts=1))),
        (converse('Converse with tools', tools=['search', 'calculator']),
         has(stop='tool_use', tools=['search', 'calculator'])),
        (converse('Converse with unknown keys', unknown=True, input=3),
         usage(input=3)),
        (converse('Converse with float tokens', float=True, input=28),
         usage(input=28)),
        (converse('Converse by an opaque ARN', model=ARN, output=7),
         usage(output=7)),
        (traced, has(ok=True)),
        (stream('ConverseStream', input=9, output=41, events=30, text=TEXT,
                delay_ms=1),
         both(usage(input=9, output=41, total=50), text(TEXT),
              has(stop='end_turn'))),
        (stream('ConverseStream with tools and reasoning', tools=['search'],
                reasoning=12, output=80, cache_read=2048),
         both(usage(output=80, cache_read=2048),
              has(stop='tool_use', tools=['search']))),
        (stream('ConverseStream of 1,000 events', events=1000, output=1500),
         both(usage(output=1500), lambda r: r['events'] == 1004)),
        (invoke('InvokeModel', input=21, output=9, cache_write=1024,
                cache_write_1h=24, text=TEXT),
         both(usage(input=21, output=9, cache_write=1024, cache_write_1h=24),
              text(TEXT), has(stop='end_turn'))),
        (invoke('InvokeModel with tools', tools=['search'], reasoning=3),
         has(stop='tool_use', tools=['search'])),
        (invoke('InvokeModelWithResponseStream',
                'InvokeModelWithResponseStream', input=17, output=33,
                cache_read=400, text=TEXT, events=12),
         both(usage(input=17, output=33, cache_read=400), text(TEXT),
              has(stop='end_turn', metrics_usage={'input': 17,
                                                  'output': 33}))),
        ({'name': 'Titan embedding', 'op': 'InvokeModel', 'params': {
            'modelId': 'amazon.titan-embed-text-v2:0',
            'body': {'inputText': 'hello', 'dimensions': 512}}},
         both(has(dimension=512), usage(input=2))),
        ({'name': 'CountTokens', 'op': 'CountTokens', 'params': {
            'modelId': 'anthropic.claude-sonnet-4-6',
            'input': {'converse': {'messages': [
                {'role': 'user', 'content': [{'text': say('x', input=12)}]},
            ]}}}}, usage(input=12)),

        (converse('validation error', fail='validation'),
         raises('ValidationException')),
        (converse('access denied', fail='access'),
         raises('AccessDeniedException')),
        (converse('budget-like 400', fail='quota'),
         raises('ServiceQuotaExceededException')),
        (converse('throttled once', fail='throttle', fail_times=1, input=4),
         both(usage(input=4), has(attempts=2))),
        (converse('unavailable once', fail='unavailable', fail_times=1),
         has(ok=True, attempts=2)),
        (stream('exception in the stream', fail='exception', events=9),
         raises('ThrottlingException',
                code='EventStreamError:throttlingException')),
        (stream('error frame in the stream', fail='error_frame'),
         raises('InternalError', code='EventStreamError:InternalError')),
        (stream('end inside a frame', fail='truncate'),
         by_sdk(has(ok=True, stop=None), has(ok=False))),
        (stream('wrong CRC', fail='bad_crc'), has(ok=False)),
        (stream('end before metadata', fail='nometa'),
         both(has(ok=True, stop='end_turn', usage={}))),
        (left, both(has(aborted=True, ok=True, events=3))),
    ]


def leg(name, sim, which, endpoint, traced, http1=False):
    """One SDK, one way; gives the comparable part of what it saw, and the
    simulator's calls."""
    sim.reset()
    todo = cases()
    results = harness.run_client(which, [c for c, _ in todo], endpoint,
                                 http1)

    for (call, check), r in zip(todo, results):
        ok(check(r), '%s: %s' % (name, call['name']), r)

    # the abort is noticed at the simulator's next event
    try:
        harness.wait_for('abort', 3,
                         lambda: sim.meter()['total']['aborted'] == 1)
    except harness.Problem:
        pass

    total = sim.meter()['total']
    sums = {k: int(sum(r['usage'].get(k, 0) for r in results
                       if r['op'] != 'CountTokens')) for k in TOKENS}
    ok(sums == {k: total[k] for k in TOKENS},
       '%s: the sums of the SDK are the meter\'s' % name, [sums, total])
    ok(total['aborted'] == 1, '%s: the abort reaches the model' % name,
       total)
    calls = sim.calls()
    bad = [c for c in calls if c['auth'] != 'sigv4'
           or c.get('error') == 'InvalidSignatureException']
    ok(calls and not bad, '%s: every signature is right' % name, bad[:2])
    seen = {c['request_id'] for c in calls}
    ok(all(r['request_id'] in seen for r in results if r.get('request_id')),
       '%s: request ids' % name)

    if traced:
        ok(all('traceparent' in c['trace'] for c in calls),
           '%s: every call has a trace context' % name,
           [c['trace'] for c in calls if 'traceparent' not in c['trace']])
        ours = [c for c in calls
                if c['trace'].get('traceparent', '')[3:35] == PARENT[3:35]]
        ok(len(ours) == 1, '%s: the caller\'s trace goes on' % name,
           [c['trace'] for c in calls])

    return [{k: r.get(k) for k in
             ('name', 'ok', 'status', 'exception', 'code', 'stop', 'usage',
              'events', 'tools', 'text_sha256', 'dimension')}
            for r in results], calls


def exported(name, path, calls):
    """Once nginx has stopped, each call is one span, and is right."""
    found = spans.read(path)
    by_id = {s.get('aws.request_id'): s for s in found}
    ok(len(found) == len(calls) == len(by_id),
       '%s: %d calls, as many spans' % (name, len(calls)),
       [len(found), len(by_id), len(calls)])

    pairs = [(c, by_id.get(c['request_id'])) for c in calls]
    ok(all(s and s.get('gen_ai.request.model') == c['model']
           for c, s in pairs), name + ': request ids and models',
       [c for c, s in pairs if not s][:3])
    pairs = [(c, s) for c, s in pairs if s]

    wrong = [(c['operation'], c['usage'], s.attrs) for c, s in pairs
             if c['outcome'] == 'ok' and c['operation'] != 'CountTokens'
             and any(s.usage()[k] != c['usage'][k] for k in TOKENS)]
    ok(not wrong, name + ': tokens of every complete answer', wrong[:2])
    wrong = [(c['operation'], s.attrs) for c, s in pairs
             if c['outcome'] != 'ok' and s.get('genai.usage.complete')]
    ok(not wrong, name + ': no other answer passes for complete', wrong[:2])
    wrong = [(c.get('error'), s.attrs) for c, s in pairs
             if c['outcome'] == 'error'
             and not (s.get('error.type') and s.status == 2)]
    ok(not wrong, name + ': an error on each failed call', wrong[:2])
    # an SDK that sees a frame with a wrong sum leaves at once: whether before
    # or after the end is nobody's to say
    wrong = [s.attrs for c, s in pairs
             if (c['outcome'] == 'aborted') != bool(s.get('genai.aborted'))
             and s.get('error.type') != 'bad_frame']
    ok(not wrong, name + ': only who left is marked so', wrong[:2])


def proxy(directory, sim, module, buffering):
    h1 = harness.free_port()
    h2 = harness.free_port()
    genai = '''
    genai_prices %s;
    genai_queue 4m path=%s/queue;
    genai_exporter file { path %s/spans.jsonl; }
''' % (os.path.join(harness.TOP, 'conf.examples/prices.json'), directory,
       directory)
    conf = CONF % {
        'load': 'load_module %s;' % module if module else '',
        'genai_http': genai if module else '',
        'genai_location': '            genai bedrock;' if module else '',
        'sim': sim.port, 'h1': h1, 'h2': h2, 'buffering': buffering}
    return harness.Nginx(directory, conf, (h1, h2)), h1, h2


def main():
    harness.install_clients()
    have = harness.clients()
    if 'python' not in have:
        print('1..0 # SKIP the SDKs could not be installed')
        return 0

    module = harness.find_module()
    top = tempfile.mkdtemp(prefix='genai-sdk-')
    sim = harness.Simulator(top, '--strict-sigv4', '--seed', 'sdk')
    direct = {}

    try:
        for which in have:
            direct[which], _ = leg(which + ' direct', sim, which, sim.url,
                                   False, http1=True)

        ways = [('nginx', None, 'off')]
        if module:
            ways += [('module', module, 'off'),
                     ('module, buffering', module, 'on')]

        for name, so, buffering in ways:
            directory = os.path.join(top, name.replace(', ', '-'))
            nginx, h1, h2 = proxy(directory, sim, so, buffering)
            made = []
            try:
                for which in have:
                    port = h1 if which == 'python' else h2
                    way = '%s through %s' % (which, name)
                    saw, calls = leg(way, sim, which,
                                     'http://127.0.0.1:%d' % port, bool(so))
                    made += calls
                    diff = [(a, b) for a, b in zip(direct[which], saw)
                            if a != b]
                    ok(not diff, way + ': the same as direct', diff)
            finally:
                nginx.stop()
                time.sleep(0.1)
                bad = [line for line in nginx.errors().splitlines()
                       if '[alert]' in line or '[crit]' in line
                       or '[emerg]' in line or 'exited on signal' in line]
                ok(not bad, name + ': nothing alarming in the error log',
                   bad[:5])
            if so:
                exported(name, os.path.join(directory, 'spans.jsonl'), made)
    finally:
        sim.stop()

    if not module:
        print('# no module found: only plain nginx was tried')
    print('1..%d' % count)
    if failed:
        print('# left for a look: ' + top)
    else:
        shutil.rmtree(top, ignore_errors=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
