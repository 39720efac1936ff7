#!/usr/bin/env python3
"""Unit test of the simulator: TAP on stdout, standard library only."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import prices                               # noqa: E402
from bedrock import frames, sigv4           # noqa: E402
from bedrock.families import FAMILIES, base, lookup     # noqa: E402

count = failed = 0


def ok(cond, name):
    global count, failed
    count += 1
    if not cond:
        failed += 1
    print('%sok %d - %s' % ('' if cond else 'not ', count, name), flush=True)
    return cond


def same(got, want, name):
    if not ok(got == want, name):
        print('#      got: %r\n# expected: %r' % (got, want))


# vectors: agreed by independent implementations

HEX_START = (
    '0000008400000052a421f9e30b3a6576656e742d7479706507000c6d657373616765'
    '53746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f'
    '6a736f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a'
    '22617373697374616e74222c2270223a2261626364656667227dfb44eb3b')
HEX_METADATA = (
    '000000c00000004e1d535b250b3a6576656e742d747970650700086d657461646174'
    '610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e'
    '0d3a6d6573736167652d747970650700056576656e747b226d657472696373223a7b'
    '226c6174656e63794d73223a3332317d2c2270223a226162222c227573616765223a'
    '7b22696e707574546f6b656e73223a392c226f7574707574546f6b656e73223a342c'
    '22746f74616c546f6b656e73223a31337d7dea8b79dc')
HEX_EXCEPTION = (
    '00000085000000612691b1450f3a657863657074696f6e2d74797065070013746872'
    '6f74746c696e67457863657074696f6e0d3a636f6e74656e742d7479706507001061'
    '70706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700096578'
    '63657074696f6e7b226d657373616765223a22627564676574227da818910b')
HEX_ERROR = (
    '000000620000005203b5cb9c0b3a6572726f722d636f646507000e42756467657445'
    '786365656465640e3a6572726f722d6d65737361676507000d6d6f6e74686c79206c'
    '696d69740d3a6d6573736167652d747970650700056572726f721b405234')
HEX_EMPTY = '000000100000000005c248eb7d98c8ff'

SECRET = sigv4.CREDENTIALS['AKIDEXAMPLE']
STAMP = '20261123T000000Z'
BODY = b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
HOST = 'bedrock-runtime.us-east-1.amazonaws.com'
DIGEST = 'c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0'
EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
NOW = 1795392000

SIGNATURES = [
    ('/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse', {},
     '70a7e01e9e037b758d982c5296fb1d3fe5649fb78c7f3ca0d337b754ddecab01'),
    ('/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3A'
     'application-inference-profile%2Fabc123def456/converse', {},
     '29218bc321ef4e18b852deb02b5caf0079539b30896dd08d6954e02303521869'),
    ('/model/us.anthropic.claude-3-haiku-20240307-v1:0/invoke', {},
     'fe03591bf7c8b39dee45f85b088ca59c43e80a6a00585bb4ede58349f0437c1e'),
    ('/model/amazon.nova-lite-v1%3A0/converse',
     {'x-amz-security-token': 'TOKEN/EX+AMPLE=='},
     '1f7275d358dbdfb9bcda1360832d6ce1d8722fb4f8cd1e2866a83c7d583020a1'),
]


def test_frames():
    same(frames.event('messageStart', frames.dumps(
        {'role': 'assistant', 'p': 'abcdefg'})).hex(), HEX_START,
        'frame: messageStart')
    same(frames.event('metadata', frames.dumps(
        {'metrics': {'latencyMs': 321}, 'p': 'ab', 'usage': {
            'inputTokens': 9, 'outputTokens': 4, 'totalTokens': 13}},
        sort=True)).hex(), HEX_METADATA, 'frame: metadata')
    same(frames.exception('throttlingException',
                          b'{"message":"budget"}').hex(),
         HEX_EXCEPTION, 'frame: exception')
    same(frames.error('BudgetExceeded', 'monthly limit').hex(), HEX_ERROR,
         'frame: error')
    same(frames.encode([], b'').hex(), HEX_EMPTY, 'frame: empty')
    chunk = frames.chunk(b'{}', 'abc')
    same(chunk[4:8].hex(), '0000004b', 'frame: chunk has 75 header bytes')
    ok(chunk[12:].hex().startswith(
        '0b3a6576656e742d747970650700056368756e6b'),
        'frame: chunk headers start with :event-type')
    same(len(frames.decode(bytes.fromhex(HEX_START + HEX_ERROR))), 2,
         'frame: decode two')

    for bad in (frames.break_crc(chunk), frames.break_crc(chunk, True),
                chunk[:-1], chunk[:7]):
        try:
            frames.decode(bad)
            ok(False, 'frame: broken frame refused')
        except frames.FrameError as e:
            ok(True, 'frame: broken frame refused: %s' % e)


def sign(path, extra=None, digest=DIGEST, method='POST', query='',
         headers=None, body_sent=True):
    headers = dict(headers or {'content-type': 'application/json',
                               'host': HOST, 'x-amz-date': STAMP})
    headers.update(extra or {})
    names = sorted(headers)
    stamp = headers['x-amz-date']
    sig = sigv4.signature(SECRET, stamp, 'us-east-1', 'bedrock',
                          sigv4.canonical_request(
                              method, path, query, headers, names, digest))
    headers['authorization'] = (
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/%s/us-east-1/bedrock/'
        'aws4_request, SignedHeaders=%s, Signature=%s'
        % (stamp[:8], ';'.join(names), sig))
    return sig, headers


def refused(name, *args, **kw):
    try:
        sigv4.verify(*args, **kw)
        ok(False, name)
    except sigv4.SigError as e:
        ok(True, '%s: %s' % (name, e.code))


def test_sigv4():
    same(sigv4.signing_key(SECRET, '20261123', 'us-east-1',
                           'bedrock').hex(),
         '0810651a958ef9849fcfbd1303e85b6381604aac54724fed4929aecdb566fbb1',
         'sigv4: signing key')
    same(sigv4.canonical_uri(SIGNATURES[0][0]),
         '/model/anthropic.claude-3-haiku-20240307-v1%253A0/converse',
         'sigv4: canonical path is encoded once more')

    for path, extra, want in SIGNATURES:
        got, headers = sign(path, extra)
        same(got, want, 'sigv4: signature of ' + path[:48])
        same(sigv4.verify('POST', path, '', headers, BODY, now=NOW),
             'AKIDEXAMPLE', 'sigv4: verified')

    query = 'maxResults=5&statusEquals=Failed'
    got, headers = sign('/async-invoke', None, EMPTY, 'GET', query,
                        {'host': HOST, 'x-amz-date': STAMP})
    same(got, '1e4deb7c083c92f666c1eed097ecd5fb843d24111da860cb8134ad2b086f'
         'a895', 'sigv4: signature of a GET with a query')
    same(sigv4.verify('GET', '/async-invoke', query, headers, b'', now=NOW),
         'AKIDEXAMPLE', 'sigv4: GET verified')

    path = SIGNATURES[0][0]
    _, headers = sign(path)
    refused('sigv4: other body', 'POST', path, '', headers, b'{}', now=NOW)
    refused('sigv4: other path', 'POST', path.replace('%3A', ':'), '',
            headers, BODY, now=NOW)
    refused('sigv4: other method', 'PUT', path, '', headers, BODY, now=NOW)
    refused('sigv4: clock 6 minutes off', 'POST', path, '', headers, BODY,
            now=NOW + 360)
    refused('sigv4: other host', 'POST', path, '',
            dict(headers, host='127.0.0.1'), BODY, now=NOW)
    refused('sigv4: unsigned x-amz header', 'POST', path, '',
            dict(headers, **{'x-amz-target': 'x'}), BODY, now=NOW)
    refused('sigv4: other service', 'POST', path, '', headers, BODY,
            now=NOW, service='es')
    refused('sigv4: unknown key', 'POST', path, '', headers, BODY, now=NOW,
            credentials={})
    refused('sigv4: no authorization', 'POST', path, '', {}, BODY, now=NOW)
    same(sigv4.verify('POST', path, '',
                      {'authorization': 'Bearer bedrock-api-key-EXAMPLE'},
                      BODY), 'bearer', 'sigv4: bearer accepted')


def test_models():
    for model, want in (
            ('us.anthropic.claude-sonnet-4-6', 'anthropic.claude-sonnet-4-6'),
            ('us-gov.anthropic.claude-3-haiku', 'anthropic.claude-3-haiku'),
            ('amazon.nova-lite-v1:0:300k', 'amazon.nova-lite-v1:0:300k'),
            ('meta.llama3-70b-instruct-v1:0',
             'meta.llama3-70b-instruct-v1:0'),
            ('arn:aws:bedrock:us-east-1:111122223333:inference-profile/'
             'us.meta.llama3-3-70b-instruct-v1:0',
             'meta.llama3-3-70b-instruct-v1:0'),
            ('arn:aws:bedrock:us-east-1::foundation-model/'
             'amazon.nova-pro-v1:0', 'amazon.nova-pro-v1:0'),
            ('arn:aws:bedrock:us-east-1:111122223333:application-inference-'
             'profile/abc123def456', None)):
        same(base(model), want, 'model: base of ' + model[:60])

    same(lookup('arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aprompt%2FX',
                {'prompt': 'x', 'max_gen_len': 3})[1].__name__,
         'bedrock.families.llama', 'model: family by body keys')
    same(lookup('nosuch.model', {})[1], None, 'model: unknown')


class Sim:
    def __init__(self, *args):
        self.dir = tempfile.mkdtemp(prefix='sim-test-')
        portfile = os.path.join(self.dir, 'port')
        self.proc = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'bedrock-sim'), '--port-file',
             portfile, '--meter-file', os.path.join(self.dir, 'meter'), *args])
        for _ in range(100):
            if os.path.exists(portfile):
                break
            time.sleep(0.05)
        self.port = int(open(portfile).read())

    def url(self, path):
        return 'http://127.0.0.1:%d%s' % (self.port, path)

    def send(self, path, body=None, headers=None, method=None):
        data = body if body is None or isinstance(body, bytes) \
            else json.dumps(body).encode()
        req = urllib.request.Request(self.url(path), data, headers or {},
                                     method=method)
        try:
            with urllib.request.urlopen(req, timeout=10) as r:
                return r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def raw(self, path, body, headers='', version='1.1', limit=None):
        """Everything that arrives, and how it ended."""
        body = json.dumps(body).encode()
        s = socket.create_connection(('127.0.0.1', self.port), 10)
        s.sendall(('POST %s HTTP/%s\r\nHost: x\r\n%sContent-Length: %d\r\n'
                   'Connection: close\r\n\r\n'
                   % (path, version, headers, len(body))).encode() + body)
        data = b''
        end = 'eof'
        try:
            while limit is None or len(data) < limit:
                part = s.recv(65536)
                if not part:
                    break
                data += part
        except ConnectionResetError:
            end = 'reset'
        s.close()
        return data, end

    def meter(self):
        return json.loads(self.send('/sim/meter')[2])

    def reset(self):
        self.send('/sim/reset', b'')

    def stop(self):
        self.proc.terminate()
        self.proc.wait(10)
        with open(os.path.join(self.dir, 'meter')) as f:
            self.last = json.load(f)
        shutil.rmtree(self.dir)


CLAUDE = '/model/us.anthropic.claude-sonnet-4-6/'


def ask(**d):
    return {'anthropic_version': 'bedrock-2023-05-31', 'max_tokens': 4096,
            'messages': [{'role': 'user',
                          'content': 'hi sim:' + json.dumps(d)}]}


def inner(data):
    import base64
    return [json.loads(base64.b64decode(json.loads(p)['bytes']))
            for h, p in frames.decode(data) if h.get(':event-type') == 'chunk']


def test_plain(sim):
    sim.reset()
    status, h, body = sim.send(CLAUDE + 'invoke', ask(
        input=21, output=9, cache_write=1024, cache_read=7, reasoning=3,
        tools=['search']))
    body = json.loads(body)
    same(status, 200, 'invoke: 200')
    same(body['usage']['input_tokens'], 21, 'invoke: input')
    same(body['usage']['cache_creation_input_tokens'], 1024, 'invoke: write')
    same(body['usage']['output_tokens_details'], {'thinking_tokens': 3},
         'invoke: reasoning')
    same(body['stop_reason'], 'tool_use', 'invoke: stop reason')
    same([b['type'] for b in body['content']],
         ['thinking', 'text', 'tool_use'], 'invoke: content')
    same((h['X-Amzn-Bedrock-Input-Token-Count'],
          h['X-Amzn-Bedrock-Output-Token-Count'],
          h['X-Amzn-Bedrock-Cache-Write-Input-Token-Count']),
         ('21', '9', '1024'), 'invoke: token headers')
    ok(h['x-amzn-RequestId'] and h['X-Amzn-Bedrock-Invocation-Latency'],
       'invoke: request id, latency')

    status, h, body = sim.send(CLAUDE + 'converse', ask(
        input=11, output=236, cache_write=1028, ttl='1h'))
    body = json.loads(body)
    same(body['usage'],
         {'inputTokens': 11, 'outputTokens': 236, 'totalTokens': 1275,
          'cacheReadInputTokens': 0, 'cacheWriteInputTokens': 1028,
          'cacheDetails': [{'ttl': '1h', 'inputTokens': 1028}]},
         'converse: usage')
    ok(h['X-Amzn-Bedrock-Input-Token-Count'] is None,
       'converse: no token headers')

    same(sim.meter()['models']['us.anthropic.claude-sonnet-4-6'],
         {'calls': 2, 'input': 32, 'output': 245, 'cache_read': 7,
          'cache_write': 2052, 'cache_write_1h': 1028, 'reasoning': 3,
          'errors': 0, 'aborted': 0, 'partial_input': 0,
          'partial_output': 0, 'unbilled': 0}, 'meter: sums')

    status, _, body = sim.send(CLAUDE + 'converse', ask(float=True, input=28))
    ok(b'"inputTokens":28.0' in body, 'converse: float tokens')

    status, h, body = sim.send(CLAUDE + 'converse', ask(encoding='gzip'))
    same((h['Content-Encoding'], json.loads(gzip.decompress(body))
          ['stopReason']), ('gzip', 'end_turn'), 'converse: gzip')

    status, h, body = sim.send('/team-a' + CLAUDE + 'converse', ask(), {
        'X-Sim-Input': '5', 'traceparent': '00-' + 'a' * 32 + '-'
        + 'b' * 16 + '-01'})
    same(json.loads(body)['usage']['inputTokens'], 5,
         'path prefix; directive by header')
    call = json.loads(sim.send('/sim/calls?last=1')[2])[0]
    same((call['prefix'], call['trace'].get('traceparent', '')[:5],
          call['request_id']), ('/team-a', '00-aa', h['x-amzn-RequestId']),
         'calls: prefix, trace headers, request id')

    status, _, body = sim.send('/model/amazon.titan-embed-text-v2%3A0/invoke',
                               {'inputText': 'hello', 'dimensions': 256})
    body = json.loads(body)
    same((len(body['embedding']), body['inputTextTokenCount']), (256, 2),
         'titan embed')

    status, _, body = sim.send(CLAUDE + 'count-tokens', {
        'input': {'converse': {'messages': []}}}, {'X-Sim-Input': '12'})
    same(json.loads(body), {'inputTokens': 12}, 'count tokens')
    row = sim.meter()['models']['us.anthropic.claude-sonnet-4-6']
    same((row['unbilled'], row['calls']), (1, 5),
         'count tokens is no inference call')

    a = sim.send(CLAUDE + 'invoke', ask(seed=1))[2]
    b = sim.send(CLAUDE + 'invoke', ask(seed=1))[2]
    same(a, b, 'seed makes an answer repeatable')


def test_stream(sim):
    sim.reset()
    status, h, body = sim.send(CLAUDE + 'converse-stream', ask(
        events=100, input=9, output=150, tools=['a', 'b'], reasoning=5))
    events = frames.decode(body)
    names = [e[0][':event-type'] for e in events]
    same((names[0], names[-2], names[-1]),
         ('messageStart', 'messageStop', 'metadata'), 'stream: order')
    same(names.count('contentBlockStart'), 2, 'stream: starts for tools only')
    same(sum('"text"' in p.decode() and 'reasoning' not in p.decode()
             for _, p in events), 100, 'stream: 100 pieces of text')
    same(json.loads(events[-1][1])['usage']['outputTokens'], 150,
         'stream: usage')
    ok(all('p' in json.loads(p) for _, p in events), 'stream: padding')
    same(h['Content-Type'], 'application/vnd.amazon.eventstream',
         'stream: content type')

    _, h, body = sim.send(CLAUDE + 'invoke-with-response-stream', ask(
        events=3, input=9, output=4, cache_read=100, disagree=2))
    seq = inner(body)
    same([e['type'] for e in seq],
         ['message_start', 'content_block_start', 'content_block_delta',
          'content_block_delta', 'content_block_delta', 'content_block_stop',
          'message_delta', 'message_stop'], 'invoke stream: order')
    same((seq[0]['message']['usage']['cache_read_input_tokens'],
          seq[-2]['usage']['output_tokens']), (100, 4),
         'invoke stream: usage')
    m = seq[-1]['amazon-bedrock-invocationMetrics']
    same((m['inputTokenCount'], m['outputTokenCount'],
          m['cacheReadInputTokenCount']), (9, 6, 100),
         'invoke stream: metrics block')
    ok(h['X-Amzn-Bedrock-Input-Token-Count'] is None,
       'invoke stream: no token headers')

    data, end = sim.raw(CLAUDE + 'converse-stream', ask(), version='1.0')
    names = [e[0][':event-type'] for e in
             frames.decode(data.partition(b'\r\n\r\n')[2])]
    same((names[-1], end), ('metadata', 'eof'), 'HTTP/1.0: ends by closing')

    start = time.monotonic()
    sim.send(CLAUDE + 'converse-stream', ask(events=20, delay_ms=10))
    took = time.monotonic() - start
    ok(0.2 <= took < 2, 'paced: 20 x 10 ms took %.3f s' % took)

    before = sim.meter()['total']
    sim.raw(CLAUDE + 'converse-stream', ask(events=1000, delay_ms=5),
            limit=2000)
    time.sleep(0.2)
    after = sim.meter()['total']
    same((after['aborted'], after['output'] - before['output']), (1, 0),
         'abort: counted, no tokens')
    ok(0 < after['partial_output'] < 1000, 'abort: partial output')


def test_faults(sim):
    sim.reset()
    for fail, status, kind in (
            ('throttle', 429, 'ThrottlingException'),
            ('validation', 400, 'ValidationException'),
            ('access', 403, 'AccessDeniedException'),
            ('timeout', 408, 'ModelTimeoutException'),
            ('model', 424, 'ModelErrorException'),
            ('unavailable', 503, 'ServiceUnavailableException')):
        got, h, body = sim.send(CLAUDE + 'converse', ask(fail=fail))
        same((got, h['x-amzn-ErrorType'].split(':')[0],
              list(json.loads(body))), (status, kind, ['message']),
             'error: ' + fail)

    same(sim.send(CLAUDE + 'converse', ask(fail='status:502'))[0], 502,
         'error: bare status')
    same(sim.send('/model/no.such/converse', ask())[0], 400,
         'error: unknown model')
    same(sim.send('/model/cohere.embed-v4/converse', ask())[0], 400,
         'error: Converse with an embedding model')
    same(sim.send(CLAUDE + 'converse', b'{"x":')[0], 400,
         'error: bad JSON')
    same(sim.send('/nowhere', b'{}')[0], 404, 'error: unknown path')
    total = sim.meter()['total']
    same((total['errors'], total['input']), (10, 0), 'errors: metered')

    path = CLAUDE + 'converse-stream'

    def body_of(data):
        """De-chunked body; whether the last chunk came."""
        body = data.partition(b'\r\n\r\n')[2]
        out = b''
        while body:
            size, _, rest = body.partition(b'\r\n')
            size = int(size, 16)
            if size == 0:
                return out, True
            out += rest[:size]
            body = rest[size + 2:]
        return out, False

    def faulty(**d):
        data, end = sim.raw(path, ask(events=10, **d))
        body, whole = body_of(data)
        return body, whole, end

    body, whole, end = faulty(fail='exception')
    last = frames.decode(body)[-1]
    same((last[0][':exception-type'], whole), ('throttlingException', True),
         'stream: exception in the middle')
    body, whole, end = faulty(fail='exception_first',
                              exception='modelStreamErrorException')
    same((len(frames.decode(body)), json.loads(frames.decode(body)[0][1])
          ['originalStatusCode']), (1, 500), 'stream: exception first')
    body, whole, end = faulty(fail='error_frame')
    same(frames.decode(body)[-1][0][':message-type'], 'error',
         'stream: error frame')

    for fail, want in (('truncate', True), ('cut', False)):
        body, whole, end = faulty(fail=fail)
        try:
            frames.decode(body)
            ok(False, 'stream: ' + fail)
        except frames.FrameError:
            same((whole, end), (want, 'eof'), 'stream: ' + fail)

    body, whole, end = faulty(fail='reset')
    same((whole, end), (False, 'reset'), 'stream: reset')

    for fail in ('bad_crc', 'bad_prelude', 'bad_length'):
        body, whole, end = faulty(fail=fail)
        try:
            frames.decode(body)
            ok(False, 'stream: ' + fail)
        except frames.FrameError as e:
            ok(whole, 'stream: %s: %s' % (fail, e))

    body, whole, end = faulty(fail='nometa')
    same((frames.decode(body)[-1][0][':event-type'], whole),
         ('messageStop', True), 'stream: no metadata')
    body, whole, end = faulty(fail='noend', fail_at=3)
    same((len(frames.decode(body)), whole), (3, True), 'stream: noend')

    start = time.monotonic()
    body, whole, end = faulty(fail='stall', stall_ms=300)
    ok(time.monotonic() - start > 0.3
       and frames.decode(body)[-1][0][':event-type'] == 'metadata',
       'stream: stall, then the rest')

    body, whole, end = faulty(write=1)
    same(frames.decode(body)[-1][0][':event-type'], 'metadata',
         'stream: one byte a chunk')

    data, end = sim.raw(CLAUDE + 'converse', ask(fail='truncate'))
    head, _, body = data.partition(b'\r\n\r\n')
    ok(b'Content-Length: %d' % (2 * len(body)) in head
       or b'Content-Length: %d' % (2 * len(body) + 1) in head,
       'plain: truncated at half')
    same(sim.raw(CLAUDE + 'converse', ask(fail='reset')), (b'', 'reset'),
         'plain: reset')
    same(sim.raw(CLAUDE + 'converse', ask(fail='close')), (b'', 'eof'),
         'plain: closed without an answer')
    same(sim.send(CLAUDE + 'converse', ask(fail='empty'))[2], b'',
         'plain: empty')

    ids = {'amz-sdk-invocation-id': 'e311ade2'}
    same([sim.send(CLAUDE + 'converse', ask(fail='throttle', fail_times=2),
                   ids)[0] for _ in range(3)], [429, 429, 200],
         'fail_times: two attempts')


PRICES = {'version': 't', 'discounts': {'nova': 25}, 'models': [
    {'id': 'anthropic.claude-sonnet-4-6', 'input': 3, 'output': '15',
     'cache_read': 0.3, 'cache_write': 3.75, 'cache_write_1h': 6,
     'routes': {'geo': {'premium': 10}, 'in_region': {'premium': 10},
                'us-gov': None}},
    {'id': 'openai.gpt-6.1-sol', 'input': 2, 'output': 10,
     'cache_read': 0.1, 'cache_write': 2.5,
     'long_context': {'over': 272000, 'input': 4, 'output': 15,
                      'cache_read': 0.2, 'cache_write': 5}},
    {'id': 'amazon.nova-lite-v1:0', 'family': 'nova', 'input': 0.06,
     'output': 0.24, 'tiers': {'flex': 0.5},
     'effective_until': '2026-12-01'},
    {'id': 'amazon.titan-embed-text-v2:0', 'input': 0.02}]}


def test_prices():
    path = os.path.join(tempfile.mkdtemp(prefix='sim-test-'), 'prices.json')
    with open(path, 'w') as f:
        json.dump(PRICES, f)
    table = prices.Prices(path)
    shutil.rmtree(os.path.dirname(path))

    def cost(model, input=0, output=0, read=0, write=0, hour=0, **kw):
        return table.cost(model, {'input': input, 'output': output,
                                  'cache_read': read, 'cache_write': write,
                                  'cache_write_1h': hour}, **kw)

    when = prices.moment('2026-11-23T12:00:00Z')
    claude = 'anthropic.claude-sonnet-4-6'
    same(cost('global.' + claude, 100, 10), 100 * 3000000 + 10 * 15000000,
         'price: list price')
    same(cost('us.' + claude, 100, 10), 495000000, 'price: geographic')
    same(cost(claude, 100), 330000000, 'price: in region')
    same(cost('us-gov.' + claude, 100), None, 'price: not sold there')
    same(cost('global.' + claude, 0, 0, 1000, 500, 200),
         1000 * 300000 + 300 * 3750000 + 200 * 6000000, 'price: cache')
    same(cost('openai.gpt-6.1-sol', 272000, 1), 272000 * 2000000 + 10000000,
         'price: up to the long context')
    same(cost('openai.gpt-6.1-sol', 272000, 1, 1),
         272000 * 4000000 + 15000000 + 200000, 'price: long context')
    same(cost('amazon.nova-lite-v1:0', 3, 0, when=when, tier='flex'), 67500,
         'price: tier and discount')
    same(cost('amazon.nova-lite-v1:0:300k', 4, when=when), 180000,
         'price: context suffix')
    same(cost('amazon.nova-lite-v1:0', 1,
              when=prices.moment('2026-12-01T00:00:00Z')), None,
         'price: no longer in force')
    same(cost('amazon.titan-embed-text-v2:0', 7), 140000,
         'price: embedding')
    same(cost('no.such', 7), None, 'price: unknown model')
    same([prices.usd(n) for n in (140000, 0, 1500000000000, -1)],
         ['0.00000014', '0.0000', '1.5000', '-0.000000000001'],
         'price: as decimals')


TEXT = [
    ('anthropic.claude-v2', 'claude_legacy'), ('amazon.nova-lite-v1:0',
     'nova'), ('amazon.titan-text-express-v1', 'titan_text'),
    ('us.meta.llama3-3-70b-instruct-v1:0', 'llama'),
    ('mistral.mixtral-8x7b-instruct-v0:1', 'mistral_text'),
    ('mistral.mistral-large-2407-v1:0', 'mistral_chat'),
    ('cohere.command-text-v14', 'cohere_command'),
    ('cohere.command-r-plus-v1:0', 'cohere_r'),
    ('ai21.jamba-1-5-mini-v1:0', 'jamba'), ('ai21.j2-mid', 'jurassic'),
    ('us.deepseek.r1-v1:0', 'deepseek_r1'), ('deepseek.v3-v1:0', 'openai'),
    ('openai.gpt-oss-120b-1:0', 'openai'), ('global.moonshotai.kimi-k3',
     'openai'), ('qwen.qwen3-32b-v1:0', 'openai')]


def test_families(sim):
    for model, name in TEXT:
        sim.reset()
        got, family = lookup(model, {})
        same(family.__name__.split('.')[-1], name, 'family of ' + model)
        h = {'X-Sim-Input': '31', 'X-Sim-Output': '17', 'X-Sim-Events': '4'}
        status, h1, body = sim.send('/model/%s/invoke' % model,
                                    {'prompt': 'x'}, h)
        ok(status == 200 and b'The gateway reads what' in body,
           name + ': invoke')
        same((h1['X-Amzn-Bedrock-Input-Token-Count'],
              h1['X-Amzn-Bedrock-Output-Token-Count']), ('31', '17'),
             name + ': token headers')

        if hasattr(family, 'chunks'):
            _, _, body = sim.send(
                '/model/%s/invoke-with-response-stream' % model,
                {'prompt': 'x'}, h)
            last = inner(body)[-1]
            same(last['amazon-bedrock-invocationMetrics']
                 ['outputTokenCount'], 17, name + ': stream')

        total = sim.meter()['total']
        n = 2 if hasattr(family, 'chunks') else 1
        same((total['input'], total['output']), (31 * n, 17 * n),
             name + ': meter')

    for model, body, path, size in (
            ('amazon.titan-embed-image-v1', {'inputText': 'x'},
             lambda v: v['embedding'], 1024),
            ('amazon.nova-2-multimodal-embeddings-v1:0',
             {'taskType': 'SINGLE_EMBEDDING', 'singleEmbeddingParams': {
                 'embeddingDimension': 384}},
             lambda v: v['embeddings'][0]['embedding'], 384),
            ('cohere.embed-english-v3', {'texts': ['A', 'B'],
                                         'input_type': 'search_query'},
             lambda v: v['embeddings'][1], 1024),
            ('cohere.embed-v4:0', {'texts': ['A'], 'embedding_types':
                                   ['float', 'int8'], 'input_type': 'x'},
             lambda v: v['embeddings']['int8'][0], 1536)):
        status, h, body = sim.send('/model/%s/invoke' % model, body)
        same((len(path(json.loads(body))),
              h['X-Amzn-Bedrock-Output-Token-Count']), (size, None),
             model + ': dimension')

    status, h, body = sim.send('/model/cohere.rerank-v3-5:0/invoke',
                               {'query': 'q', 'documents': list('abcde'),
                                'top_n': 3, 'api_version': 2})
    r = json.loads(body)['results']
    ok(len(r) == 3 and r[0]['relevance_score'] > r[2]['relevance_score']
       and h['X-Amzn-Bedrock-Input-Token-Count'] is None, 'rerank')


def events(data):
    """Server-Sent Events as (event, data)"""
    out = []
    for block in data.decode().split('\n\n')[:-1]:
        name, text = None, None
        for line in block.split('\n'):
            if line.startswith('event: '):
                name = line[7:]
            if line.startswith('data: '):
                text = line[6:]
        out.append((name, text if text == '[DONE]' else json.loads(text)))
    return out


def test_direct(sim):
    sim.reset()
    h = {'X-Sim-Directive': json.dumps(
        {'input': 20, 'output': 9, 'cache_read': 100, 'reasoning': 3,
         'events': 4, 'tools': ['search']})}
    ask = {'model': 'gpt-6.1-sol', 'messages': [
        {'role': 'user', 'content': 'hi'}]}

    _, head, body = sim.send('/openai/v1/chat/completions', ask, h)
    u = json.loads(body)['usage']
    same((u['prompt_tokens'], u['completion_tokens'],
          u['prompt_tokens_details']['cached_tokens'],
          u['completion_tokens_details']['reasoning_tokens']),
         (120, 9, 100, 3), 'chat: inclusive usage')
    ok(head['x-request-id'], 'chat: request id')

    _, head, body = sim.send('/v1/chat/completions',
                             dict(ask, stream=True), h)
    got = events(body)
    ok(head['Content-Type'].startswith('text/event-stream')
       and got[-1][1] == '[DONE]' and not any(
           'usage' in v for _, v in got[:-1]), 'chat stream: no usage')
    _, _, body = sim.send('/v1/chat/completions', dict(
        ask, stream=True, stream_options={'include_usage': True}), h)
    got = events(body)
    same((got[-2][1]['choices'], got[-2][1]['usage']['total_tokens'],
          got[0][1]['usage']), ([], 129, None), 'chat stream: usage asked')

    _, _, body = sim.send('/v1/responses', dict(ask, stream=True), h)
    got = events(body)
    same((got[0][0], got[-1][0], got[-1][1]['response']['usage']
          ['input_tokens_details']['cached_tokens']),
         ('response.created', 'response.completed', 100), 'responses stream')
    same(sum(n == 'response.output_text.delta' for n, _ in got), 4,
         'responses: deltas')

    ask['model'] = 'claude-sonnet-4-6'
    _, head, body = sim.send('/anthropic/v1/messages',
                             dict(ask, stream=True), h)
    got = events(body)
    same((got[0][1]['message']['usage']['cache_read_input_tokens'],
          got[-2][1]['usage']['output_tokens'], got[-1][0],
          'amazon-bedrock-invocationMetrics' in got[-1][1]),
         (100, 9, 'message_stop', False), 'messages stream')
    status, head, body = sim.send('/v1/messages', ask,
                                  {'X-Sim-Fail': 'throttle'})
    same((status, json.loads(body)['error']['type']),
         (429, 'rate_limit_error'), 'messages: error')
    _, _, body = sim.send('/v1/messages', dict(ask, stream=True),
                          {'X-Sim-Fail': 'exception'})
    same(events(body)[-1][0], 'error', 'messages: error in the stream')

    _, _, body = sim.send('/v1/embeddings', {'model': 'text-embed',
                                             'input': ['a', 'b']}, h)
    v = json.loads(body)
    same((len(v['data']), len(v['data'][1]['embedding']),
          v['usage']['prompt_tokens']), (2, 1536, 20), 'embeddings')

    rows = sim.meter()['models']
    same((rows['gpt-6.1-sol']['input'], rows['gpt-6.1-sol']['output'],
          rows['gpt-6.1-sol']['cache_read'], rows['text-embed']['output']),
         (80, 36, 400, 0), 'direct: meter')

    _, _, body = sim.send('/guardrail/gr1/version/2/apply', {
        'source': 'OUTPUT', 'content': [{'text': {'text': 'x' * 1200}}]},
        {'X-Sim-Guardrail': 'intervened'})
    v = json.loads(body)
    same((v['action'], v['usage']['topicPolicyUnits']),
         ('GUARDRAIL_INTERVENED', 2), 'apply guardrail')
    _, _, body = sim.send('/async-invoke', {
        'modelId': 'amazon.nova-reel-v1:1', 'modelInput': {}})
    arn = json.loads(body)['invocationArn']
    _, _, body = sim.send('/async-invoke/' + urllib.parse.quote(arn, ''))
    same(json.loads(body)['status'], 'Completed', 'async invoke')
    same(sim.meter()['models']['amazon.nova-reel-v1:1'],
         dict.fromkeys(rows['gpt-6.1-sol'], 0) | {'unbilled': 1},
         'async invoke charges nothing')


def test_strict():
    sim = Sim('--strict-sigv4')
    path = CLAUDE + 'converse'
    host = '127.0.0.1:%d' % sim.port
    stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
    _, h = sign(path, headers={'content-type': 'application/json',
                               'host': host, 'x-amz-date': stamp})
    same(sim.send(path, BODY, h)[0], 200, 'strict: signed')
    got = sim.send(path, BODY + b' ', h)
    same((got[0], got[1]['x-amzn-ErrorType'].split(':')[0]),
         (403, 'InvalidSignatureException'), 'strict: changed body')
    same(sim.send(path, BODY)[0], 403, 'strict: unsigned')
    same(sim.send(path, BODY, {'Authorization': 'Bearer bedrock-api-key-X'})
         [0], 200, 'strict: bearer')
    sim.stop()
    same(sim.last['total']['calls'], 4, 'meter file')


def main():
    test_frames()
    test_sigv4()
    test_models()
    test_prices()
    sim = Sim('--seed', 'tap')
    try:
        test_plain(sim)
        test_stream(sim)
        test_faults(sim)
        test_families(sim)
        test_direct(sim)
    finally:
        sim.stop()
    test_strict()
    ok(len(FAMILIES) >= 18, 'families are registered')
    print('1..%d' % count)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
