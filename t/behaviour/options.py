#!/usr/bin/env python3
"""Directives that change what a span holds or whether there is one, each from
its location to the line that a sink wrote.
"""

import gzip
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness
import spans

HAIKU = 'anthropic.claude-haiku-4-5-20251001-v1:0'
NONE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'

HTTP = '''
    genai_exporter file { path logs/spans.jsonl; interval 100ms; }
    genai_exporter otlp away { endpoint http://127.0.0.1:%(away)d; }
    genai_region us-east-1;

    log_format facts '$genai_trace_id';
    access_log logs/facts.log facts;

    upstream two {
        server 127.0.0.1:%(away)d;
        server 127.0.0.1:%(up)d backup;
    }

    server {
        listen 127.0.0.1:%(port)d;
        add_header X-Trace $genai_trace_id always;
        genai bedrock;

        location / { proxy_pass http://127.0.0.1:%(up)d; }
%(locations)s
        location /genai/ { genai off; genai_status; access_log off; }
    }
'''

LOCATIONS = []
TESTS = []


def test(locations=''):
    """a function that looks at these locations"""
    def add(f):
        TESTS.append(f)
        LOCATIONS.append(re.sub(r'proxy;', 'proxy_pass http://127.0.0.1:'
                                '@UP@;', locations))
        return f
    return add


class Upstream(harness.Upstream):
    """answers as X-Answer says, keeps what it was sent"""

    def __init__(self):
        self.seen = []
        self.answers = {'plain': ('200 OK', 'application/json', answer(), 0)}
        super().__init__()

    def answer(self, request, headers, body):
        self.seen.append((headers, body))
        made = self.answers[headers.get('x-answer', 'plain')]
        status, kind, out, wait = made(body) if callable(made) else made
        time.sleep(wait)
        head = ('HTTP/1.1 %s', 'Content-Type: %s', 'Connection: close',
                'Content-Length: %d', '', '')
        request.sendall(('\r\n'.join(head) % (
            status, kind, len(out))).encode() + out)


def answer(text='Hi there', inp=25, out=5, **more):
    return json.dumps(dict({
        'output': {'message': {'role': 'assistant',
                               'content': [{'text': text}]}},
        'stopReason': 'end_turn', 'metrics': {'latencyMs': 12},
        'usage': {'inputTokens': inp, 'outputTokens': out,
                  'totalTokens': inp + out}}, **more)).encode()


def ask(text='hi', **more):
    return dict({'messages': [{'role': 'user',
                               'content': [{'text': text}]}]}, **more)


class Gateway:
    def __init__(self, port, prefix):
        self.port = port
        self.prefix = prefix

    def post(self, where, body=None, model=HAIKU, op='converse', **headers):
        """status, body, trace id"""
        if not isinstance(body, bytes):
            body = json.dumps(ask() if body is None else body).encode()
        request = urllib.request.Request(
            'http://127.0.0.1:%d%s/model/%s/%s'
            % (self.port, where, model.replace(':', '%3A'), op), body,
            {k.replace('_', '-'): v for k, v in headers.items()})
        try:
            r = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as e:
            r = e
        with r:
            return r.status, r.read(), r.headers.get('X-Trace')

    def spans(self):
        return spans.raw(os.path.join(self.prefix, 'logs/spans.jsonl'))

    def span(self, trace):
        return harness.wait_for('the span ' + trace, 10,
                                lambda: self.spans().get(trace))

    def attrs(self, where, body=None, **more):
        """of the span of one call"""
        return self.span(self.post(where, body, **more)[2])


@test('''
        location /keep/ {
            genai_sample 0;
            genai_keep error slow=150ms cost=0.50;
            proxy;
        }
        location /keep/off/ { genai_sample 0; genai_keep off; proxy; }
''')
def keep(gw, upstream):
    upstream.answers['slow'] = ('200 OK', 'application/json', answer(), 0.2)
    upstream.answers['throttled'] = (
        '429 Too Many Requests', 'application/json',
        b'{"message":"slow down"}', 0)
    upstream.answers['dear'] = ('200 OK', 'application/json',
                                answer(inp=1000000, out=1), 0)

    _, _, plain = gw.post('/keep')
    _, _, off = gw.post('/keep/off', X_Answer='throttled')
    seen = upstream.seen[-1][0]['traceparent']
    tap.ok(seen.endswith(('-00', '-02')), 'the upstream is told: not sampled',
           seen)

    for name, why in (('throttled', 'error'), ('slow', 'slow'),
                      ('dear', 'cost')):
        attrs = gw.attrs('/keep', X_Answer=name)
        tap.equal(attrs.get('genai.keep'), why,
                  'ratio 0: the span of a call is kept: ' + why)

    trace = NONE.split('-')[1]
    gw.post('/keep', traceparent=NONE, X_Answer='throttled')
    tap.equal(gw.span(trace).get('genai.keep'), 'error',
              'also when the parent was not sampled')

    attrs = gw.attrs('', X_Answer='throttled')
    tap.ok('genai.keep' not in attrs, 'a span that was sampled was not kept',
           attrs)
    known = gw.spans()
    tap.ok(plain not in known and off not in known,
           'calls that give no reason leave no span')


@test('''
        location /rag/ { genai_span_profile rag; proxy; }
''')
def profile(gw, upstream):
    attrs = gw.attrs('/rag')
    tap.ok(attrs.get('model_id') == HAIKU and attrs.get('input_tokens') == '25'
           and attrs.get('output_tokens') == '5'
           and attrs.get('generation_cost_usd') == 0.000055
           and attrs.get('stop_reason') == 'end_turn'
           and attrs.get('prompt_length_chars') == '2'
           and attrs.get('status') == 'success',
           'genai_span_profile rag: the plain keys of the step', attrs)
    tap.ok(attrs.get('gen_ai.request.model') == HAIKU
           and attrs.get('gen_ai.usage.input_tokens') == '25',
           'beside those of the conventions')
    tap.ok('model_id' not in gw.attrs(''), 'which are alone otherwise')


LLAMA = 'meta.llama3-8b-instruct-v1:0'        # a window of 8192


@test('''
        location /window/ { genai_context_window reject; proxy; }
        location /window/off/ { genai_context_window off; proxy; }
        location /window/stream/ {
            genai_context_window reject;
            proxy_request_buffering off;
            proxy;
        }
        location /window/page/ {
            genai_context_window reject;
            error_page 400 = @other;
            proxy;
        }
        location @other { return 418 "no tea"; }
''')
def window(gw, upstream):
    short, long_ = ask('word ' * 6553), ask('word ' * 6554)
    mixed = ask('word ' * 6500, system=[{'text': 'be brief ' * 40}])

    def exceeded(where, body, **more):
        attrs = gw.attrs(where, body, model=LLAMA, **more)
        return attrs.get('rag.context_window_exceeded', False)

    tap.ok(not exceeded('', short), 'a prompt of 8192 tokens fits in 8192')
    tap.ok(exceeded('', long_), 'one more does not: the span says so')
    tap.ok(exceeded('', mixed), 'the system text counts too')
    tap.ok(not exceeded('/window/off', long_), 'off: nothing is said')
    tap.ok(not exceeded('', ask('x' * 400000, system=[]), op='count-tokens'),
           'to count tokens is always allowed')

    for where in ('/window', '/window/stream'):
        n = len(upstream.seen)
        status, body, trace = gw.post(where, long_, model=LLAMA)
        tap.ok(status == 400 and len(upstream.seen) == n,
               'reject: 400, the upstream is not asked', (status, body))
        tap.ok(json.loads(body)['message'].startswith('Input is too long'),
               'in the words of the API', body)
        attrs = gw.span(trace)
        tap.ok(attrs.get('error.type') == 'context_window_exceeded'
               and attrs.get('genai.error.origin') == 'gateway'
               and attrs.get('rag.context_window_exceeded') is True
               and attrs.get('rag.estimated_input_tokens') == '8193',
               'its span says why', attrs)
        status, body, trace = gw.post(where, short, model=LLAMA)
        tap.ok(status == 200 and json.dumps(short).encode()
               == upstream.seen[-1][1], 'what fits passes whole')
        attrs = gw.span(trace)
        tap.ok(attrs.get('gen_ai.usage.input_tokens') == '25'
               and attrs.get('rag.estimated_input_tokens') == '8192'
               and 'error.type' not in attrs, 'and is read once', attrs)

    status, body, _ = gw.post('/window', ask('x' * 3000000), model=HAIKU)
    tap.equal(status, 400, 'also of a body in a file')
    status, body, _ = gw.post('/window', b'x' * 400000, model=LLAMA)
    tap.equal(status, 200, 'what cannot be read is not refused')
    status, body, _ = gw.post('/window', long_, model='acme.unknown-v1:0')
    tap.equal(status, 200, 'nor is a model whose window is not known')
    status, body, _ = gw.post('/window/page', long_, model=LLAMA)
    tap.equal((status, body), (418, b'no tea'), 'an error_page wins')


@test('''
        location /extract/ {
            genai_extract acme.language meta.language request;
            genai_extract acme.reviewed meta.reviewed request;
            genai_extract session meta.session request;
            genai_extract acme.words output.message.content[].text;
            genai_extract acme.parts output.message.content[] op=count;
            genai_extract score.Faithfulness quality.faithfulness;
            genai_extract user quality.user;
            genai_span_attr acme.static yes;
            proxy;
        }
        location /extract/off/ { genai_extract off; proxy; }
        location /extract/page/ {
            genai_extract acme.language meta.language request;
            proxy_pass http://127.0.0.1:1;
            error_page 502 = @again;
        }
        location @again {
            genai_extract acme.words output.message.content[].text;
            proxy;
        }
''')
def extract(gw, upstream):
    upstream.answers['rated'] = (
        '200 OK', 'application/json',
        answer(quality={'faithfulness': 0.75, 'user': 'u-3'}), 0)
    body = ask(meta={'language': 'de', 'reviewed': False, 'session': 's-9'})
    attrs = gw.attrs('/extract', body, X_Answer='rated')
    tap.ok(attrs.get('acme.language') == 'de'
           and attrs.get('acme.reviewed') is False
           and attrs.get('acme.words') == 'Hi there'
           and attrs.get('acme.parts') == '1'
           and attrs.get('acme.static') == 'yes',
           'genai_extract: strings, booleans, numbers as attributes', attrs)
    tap.ok(attrs.get('session.id') == 's-9' and attrs.get('user.id') == 'u-3'
           and attrs.get('genai.score.Faithfulness') == 0.75
           and attrs.get('gen_ai.usage.input_tokens') == '25',
           'fields of the call, and scores; the tables work on', attrs)
    attrs = gw.attrs('/extract/off', body, X_Answer='rated')
    tap.ok('acme.language' not in attrs and 'session.id' not in attrs,
           'off: none of it', attrs)
    attrs = gw.attrs('/extract/page', body)
    tap.ok(attrs.get('acme.words') == 'Hi there'
           and attrs.get('gen_ai.usage.input_tokens') == '25',
           'after an error_page the rows of the second location', attrs)


@test()
def retries(gw, upstream):
    def counted():
        text = harness.get('http://127.0.0.1:%d/genai/metrics' % gw.port)
        return sum(float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith('genai_sdk_retries_total{'))

    before = counted()
    for n in (1, 2, 3):
        attrs = gw.attrs('', amz_sdk_request='attempt=%d; max=3' % n,
                         amz_sdk_invocation_id='6f1b8d3e-0000')
        tap.ok(attrs.get('genai.attempt') == str(n)
               and attrs.get('genai.invocation_id') == '6f1b8d3e-0000',
               'attempt %d of a call, and which call' % n, attrs)
    tap.equal(counted() - before, 2, 'genai_sdk_retries_total: those above 1')
    attrs = gw.attrs('', x_stainless_retry_count='1')
    tap.equal(attrs.get('genai.attempt'), '2', 'SDKs that count from 0')
    tap.equal(counted() - before, 3, 'are counted too')


def shared_memory(pid):
    """what the zones of a process hold"""
    out = []
    with open('/proc/%d/maps' % pid) as maps, \
            open('/proc/%d/mem' % pid, 'rb', 0) as mem:
        for line in maps:
            where, mode = line.split()[:2]
            if mode.startswith('rw') and mode.endswith('s'):
                a, b = (int(x, 16) for x in where.split('-'))
                mem.seek(a)
                out.append(mem.read(b - a))
    return b''.join(out)


def files(prefix):
    out = []
    for top, _, names in os.walk(prefix):
        for name in names:
            with open(os.path.join(top, name), 'rb') as f:
                out.append(f.read())
    return b''.join(out)


@test('''
        location /capture/ { genai_capture content; proxy; }
        location /capture/small/ { genai_capture content max=1k; proxy; }
        location /capture/off/ { genai_capture off; proxy; }
        location /capture/unsampled/ {
            genai_capture content; genai_sample 0; proxy;
        }
        location /capture/extract/ {
            genai_capture content;
            genai_extract acme.lang meta.lang request;
            proxy;
        }
''')
def capture(gw, upstream):
    upstream.answers['said'] = ('200 OK', 'application/json',
                                answer('ANSWERED-on "ok"'), 0)
    upstream.answers['hidden'] = ('200 OK', 'application/json',
                                  answer('ANSWERED-off'), 0)
    body = ask('ASKED-on', system=[{'text': 'SYSTEM-on'}],
               toolConfig={'tools': [{'toolSpec': {
                   'name': 'look', 'description': 'DESCRIBED-on'}}]},
               meta={'lang': 'de'})
    attrs = gw.attrs('/capture', body, X_Answer='said')
    tap.equal(json.loads(attrs['gen_ai.input.messages']),
              [{'role': 'user', 'parts': [
                  {'type': 'text', 'content': 'ASKED-on'}]}],
              'genai_capture content: what was asked')
    tap.equal(json.loads(attrs['gen_ai.output.messages']),
              [{'role': 'assistant', 'finish_reason': 'stop', 'parts': [
                  {'type': 'text', 'content': 'ANSWERED-on "ok"'}]}],
              'what was answered')
    tap.equal(json.loads(attrs['gen_ai.system_instructions']),
              [{'type': 'text', 'content': 'SYSTEM-on'}], 'the system text')
    tap.equal(json.loads(attrs['gen_ai.tool.definitions']),
              [{'type': 'function', 'name': 'look'}], 'tools by name')
    tap.equal(attrs.get('gen_ai.usage.input_tokens'), '25',
              'and all that there is without it')

    attrs = gw.attrs('/capture/small', ask('é' * 5000), X_Answer='said')
    text = attrs['gen_ai.input.messages']
    tap.ok(len(text.encode()) <= 512
           and set(json.loads(text)[0]['parts'][0]['content']) == {'é'},
           'max=1k: cut, and still JSON', text)
    attrs = gw.attrs('/capture', ask('x' * 2000000), X_Answer='said')
    tap.ok(7000 < len(attrs['gen_ai.input.messages']) <= 8192,
           'a long prompt: as much as fits')
    attrs = gw.attrs('/capture/extract', body, X_Answer='said')
    tap.ok(attrs.get('acme.lang') == 'de' and 'ASKED-on' in
           attrs['gen_ai.input.messages'], 'together with genai_extract')

    off = json.dumps(body).replace('-on', '-off')
    for where in ('', '/capture/off'):
        attrs = gw.attrs(where, json.loads(off), X_Answer='hidden')
        tap.ok(not any('messages' in k for k in attrs if k != 'genai.request'
                       '.messages'), 'off: no attribute of it')
    gw.post('/capture/unsampled', json.loads(off.replace('-off', '-not')),
            X_Answer='hidden')
    gw.post('/capture/off', b'{"messages":[{"role":"user","content":'
            b'[{"text":"BROKEN-off', X_Answer='hidden')
    gw.span(gw.post('', ask('last'))[2])

    kept = shared_memory(gw.nginx.process.pid)
    tap.ok(b'ASKED-on' in kept and b'ANSWERED-on' in kept,
           'captured: it is in the lanes')
    for word in (b'ASKED', b'ANSWERED', b'SYSTEM', b'BROKEN'):
        tap.ok(word + b'-off' not in kept and word + b'-not' not in kept,
               'not captured: no %s in shared memory' % word.decode())


def chat(body):
    """a stream of OpenAI's, with its usage when it was asked for"""
    asked = json.loads(body)
    usage = asked.get('stream_options', {}).get('include_usage')
    out = [dict(choices=[dict(index=0, delta=dict(content=word))], **(
        {'usage': None} if usage else {})) for word in ('Hel', 'lo "},{"')]
    out.append(dict(choices=[dict(index=0, delta={}, finish_reason='stop')]))
    if usage:
        out.append(dict(choices=[], usage=dict(
            prompt_tokens=9, completion_tokens=3, total_tokens=12)))
    text = ''.join('data: %s\n\n' % json.dumps(dict(
        id='c1', object='chat.completion.chunk', model='gpt-5.4', **o))
        for o in out)
    return '200 OK', 'text/event-stream', (text + 'data: [DONE]\n\n'
                                           ).encode(), 0


@test('''
        location /v1/ {
            genai openai; genai_include_usage on; proxy;
        }
        location /unbuffered/v1/ {
            genai openai; genai_include_usage on;
            proxy_buffering off; proxy_request_buffering off; proxy;
        }
        location /retried/v1/ {
            genai openai; genai_include_usage on; proxy_pass http://two;
        }
        location /plain/v1/ { genai openai; proxy; }
''')
def include_usage(gw, upstream):
    upstream.answers['chat'] = chat

    def post(where, body, kind='/v1/chat/completions', **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            'http://127.0.0.1:%d%s%s' % (gw.port, where, kind), body,
            dict({'X-Answer': 'chat'}, **headers))
        with urllib.request.urlopen(request, timeout=20) as r:
            out = r.read()
            return out, gw.span(r.headers['X-Trace'])

    body = dict(model='gpt-5.4', stream=True,
                messages=[dict(role='user', content='hi')])

    out, attrs = post('/plain', body)
    tap.ok('gen_ai.usage.input_tokens' not in attrs
           or attrs.get('genai.usage.source') != 'body',
           'off: a stream that was not asked carries no usage', attrs)
    plain = out

    big = dict(body, messages=[dict(role='user', content='x' * 100000)])
    text = json.dumps(body).encode()
    for name, where, sent, headers in (
            ('in memory', '', text, {}),
            ('with blanks after it', '', text + b'\r\n  ', {}),
            ('in a file', '', json.dumps(big).encode(), {}),
            ('unbuffered', '/unbuffered', text, {}),
            ('in chunks', '', iter([text[:20], text[20:]]),
             {'Transfer-Encoding': 'chunked'}),
            ('to a second upstream', '/retried', text, {}),
            ('in a file to a second', '/retried', json.dumps(big).encode(),
             {})):
        if not isinstance(sent, bytes):
            request = urllib.request.Request(
                'http://127.0.0.1:%d/v1/chat/completions' % gw.port, sent,
                dict({'X-Answer': 'chat'}, **headers))
            with urllib.request.urlopen(request, timeout=20) as r:
                out, attrs = r.read(), gw.span(r.headers['X-Trace'])
            sent = text
        else:
            out, attrs = post(where, sent)
        got = json.loads(upstream.seen[-1][1])
        tap.ok(got.pop('stream_options', None) == {'include_usage': True}
               and got == json.loads(sent), 'a request %s: the upstream is '
               'asked for usage, and for all else' % name,
               upstream.seen[-1][1][-200:])
        tap.equal((attrs.get('gen_ai.usage.input_tokens'),
                   attrs.get('gen_ai.usage.output_tokens'),
                   attrs.get('genai.usage.source')), ('9', '3', 'body'),
                  'its usage is read')
        tap.equal(out.replace(b'"usage": null, ', b'').replace(
            b', "usage": null', b''), plain,
            'the client gets what it had got without')

    asks = dict(body, stream_options=dict(include_usage=True))
    out, attrs = post('', asks)
    tap.ok(b'"total_tokens": 12' in out
           and json.loads(upstream.seen[-1][1]) == asks
           and attrs.get('gen_ai.usage.input_tokens') == '9',
           'a client that asked for it gets it, its request is not touched')
    post('', dict(body, stream_options={}))
    tap.equal(json.loads(upstream.seen[-1][1])['stream_options'], {},
              'options of the client\'s own stay')
    signed = {'Authorization': 'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/'}
    post('', body, **signed)
    tap.ok(b'stream_options' not in upstream.seen[-1][1],
           'a signed request is not touched')
    upstream.answers['one'] = ('200 OK', 'application/json', answer(), 0)
    post('', dict(body, stream=False), **{'X-Answer': 'one'})
    tap.ok(b'stream_options' not in upstream.seen[-1][1],
           'nor is one that asks for no stream')


@test()
def codings(gw, upstream):
    attrs = gw.attrs('', gzip.compress(json.dumps(ask('x' * 5000)).encode()),
                     Content_Encoding='gzip')
    tap.equal(attrs.get('rag.prompt_length_chars'), '5000',
              'a request in gzip is read')
    tap.equal(gzip.decompress(upstream.seen[-1][1])[:12], b'{"messages":',
              'and passed on as it came')


def main():
    upstream = Upstream()
    ports = {'port': harness.free_port()}
    locations = ''.join(LOCATIONS).replace(
        '@UP@', str(upstream.server_address[1]))

    with harness.gateway('options', HTTP, upstream, ports,
                         away=harness.free_port(),
                         locations=locations) as nginx:
        gw = Gateway(ports['port'], nginx.prefix)
        gw.nginx = nginx
        for f in TESTS:
            f(gw, upstream)
        tap.no_alerts(nginx)
        nginx.stop()
        left = files(nginx.prefix)
        tap.ok(b'ASKED-on' in files(os.path.join(nginx.prefix, 'spool')),
               'captured: it is in the spool of a sink that is away')
        for word in (b'ASKED', b'ANSWERED', b'SYSTEM', b'BROKEN'):
            tap.ok(word + b'-off' not in left and word + b'-not' not in left,
                   'not captured: no %s in any file' % word.decode())

    tap.done()


if __name__ == '__main__':
    main()
