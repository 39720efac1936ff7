#!/usr/bin/env python3
"""A stream that has used up its budget ends early: what its client gets, to
the byte, and what it pays.

The model has no price and the calls say no maximum, so that they reserve
nothing (unpriced=allow) and meet their limit of output while they run.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import wire
import harness

LIMIT = 40                                       # tokens of output
ASK = {'messages': [{'role': 'user', 'content': [{'text': 'tell me'}]}]}
CHAT = {'messages': [{'role': 'user', 'content': 'tell me'}],
        'stream': True, 'model': 'acme-tale-1'}
APIS = {
    'Bedrock': ('/model/anthropic.claude-tale-9-v1%3A0/converse-stream', ASK, wire.frames),
    'OpenAI': ('/v1/chat/completions', CHAT, wire.events),
}
WAYS = {'h1': wire.Http1, 'h2': wire.Http2}

HTTP = '''
    genai_budget_zone $http_x_name zone=call:1m limit=%(limit)dotok/day
                      unpriced=allow;
    genai_budget zone=call stream=stop;
    genai auto;
    proxy_set_header Connection "";
    upstream sim { server 127.0.0.1:%(up)d; keepalive 4; }
    server {
        listen 127.0.0.1:%(h1)d;
        listen 127.0.0.1:%(h2)d http2;
        location / { proxy_pass http://sim; proxy_buffering off; }
        location /buffered/ { proxy_pass http://sim/; }
        location /runs/ {
            genai_budget zone=call;
            proxy_pass http://sim/; proxy_buffering off;
        }
        location /dry/ {
            genai_budget_dry_run on;
            proxy_pass http://sim/; proxy_buffering off;
        }
        location /budgets { genai off; genai_budget_api; access_log off; }
        location /genai/ { genai off; genai_status; access_log off; }
    }
'''


def open_call(ports, way, where, api, name):
    path, body, split = APIS[api]
    directive = {'events': 100, 'delay_ms': 4, 'seed': 'stop'}
    call = WAYS[way](ports[way], where + path, json.dumps(body).encode(),
                     [('X-Name', name), ('Content-Type', 'application/json'),
                      ('X-Sim-Directive', json.dumps(directive))])
    return wire.read_events(call, 10000, split), split(call.data)[1]


def spent(ports, name):
    doc = json.loads(harness.get(
        'http://127.0.0.1:%d/budgets?zone=call&key=%s' % (ports['h1'], name)))
    key = doc['zones'][0]['keys'][0]
    return key['limits'][0]['spent'], key['reservations']


def sound(frame):
    """both sums of a frame are right"""
    def crc(part):
        return zlib.crc32(part).to_bytes(4, 'big')
    return crc(frame[:8]) == frame[8:12] and crc(frame[:-4]) == frame[-4:]


def text_of(api, events):
    out = []
    for e in events:
        at = e.find(b'{')
        if api == 'Bedrock':
            m = re.search(rb'"text":"((?:[^"\\]|\\.)*)"', e)
        else:
            m = re.search(rb'"content":"((?:[^"\\]|\\.)*)"', e[at:])
        if m:
            out.append(json.loads(b'"' + m.group(1) + b'"'))
    return ''.join(out)


def check(ports, whole, way, where, api):
    name = '%s%s-%s' % (way, where.replace('/', '-'), api)
    title = '%s, %s%s' % (api, way, where and ', buffered')
    events, rest = open_call(ports, way, where, api, name)
    last, events = events[-1], events[:-1]

    tap.ok(not rest and events == whole[:len(events)]
           and 10 < len(events) < len(whole) - 5,
           title + ': whole events as they came, and not all of them',
           '%d of %d' % (len(events), len(whole)))

    if api == 'Bedrock':
        tap.ok(sound(last) and b'exception-type' in last
               and b'throttlingException' in last
               and b"Budget 'call' exhausted" in last,
               title + ': then an exception with right sums', last)
    else:
        tap.ok(b'"error":' in last and b'insufficient_quota' in last
               and b'[DONE]' not in last,
               title + ': then an error and no [DONE]', last)

    # four characters a token; what the tap read may be some events more than
    # what was passed on
    shown = -(-len(text_of(api, events)) // 4)

    def paid():
        got, open_ = spent(ports, name)
        return got if not open_ else None

    got = harness.wait_for('settlement', 10, paid)
    tap.ok(got > LIMIT and shown <= got <= shown + 16,
           title + ': it pays what passed',
           'paid %d, shown %d, limit %d' % (got, shown, LIMIT))


def main():
    prefix = tempfile.mkdtemp(prefix='genai-stop-')
    sim = harness.Simulator(prefix)
    so = harness.find_module()
    ports = {'h1': harness.free_port(), 'h2': harness.free_port()}
    names = dict(ports, up=sim.port, limit=LIMIT, top=tap.TOP, prefix=prefix)
    nginx = None

    try:
        os.chmod(prefix, 0o755)
        nginx = harness.Nginx(prefix, harness.CONF % dict(
            names, load='load_module %s;' % so if so else '',
            http=HTTP % names), ports.values())

        for api in APIS:
            whole, _ = open_call(ports, 'h1', '/runs', api, 'runs-' + api)
            dry, _ = open_call(ports, 'h1', '/dry', api, 'dry-' + api)
            tap.equal(len(dry), len(whole), api + ': a dry run cuts nothing')
            for way in WAYS:
                for where in '', '/buffered':
                    check(ports, whole, way, where, api)

        text = harness.get('http://127.0.0.1:%d/genai/metrics' % ports['h1'])
        stopped = re.search(
            r'genai_budget_stopped_total\{zone="call"\} (\d+)', text)
        tap.equal(stopped and int(stopped.group(1)), 8,
                  'each stopped stream is counted once')
        tap.no_alerts(nginx)
    finally:
        if nginx is not None:
            nginx.stop()
        sim.stop()
        shutil.rmtree(prefix, ignore_errors=True)

    tap.done()


if __name__ == '__main__':
    main()
