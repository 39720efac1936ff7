#!/usr/bin/env python3
"""Budgets as the real SDKs meet them: each refusal is the exception that its
users know how to catch, is sent again only where that can help, and never
makes a storm. TAP on stdout.

Who sends again what: AWS's SDKs send every 429 again, whatever its code; so a
final refusal is 402, and `genai_budget_status 429` costs two further attempts
(boto3 in its legacy mode: four). Anthropic's and OpenAI's SDKs heed
x-should-retry. A wait is heeded by JavaScript and boto3 (x-amz-retry-after;
Retry-After too by JavaScript), and by Anthropic's and OpenAI's
(retry-after-ms); boto3's legacy mode knows its own backoff alone.

Anthropic's and OpenAI's SDKs take part where `install.sh python-full` has put
them. GENAI_MODULE names the module (default: below build/nginx).
"""

import email.utils
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))
sys.path.insert(0, HERE)

import tap                                  # noqa: E402  (finds t/sim)
import harness                              # noqa: E402
import prices                               # noqa: E402
import sdk                                  # noqa: E402
from bedrock.call import Call               # noqa: E402

PRICES = os.path.join(harness.TOP, 'conf.examples', 'prices.json')
TITAN = 'amazon.titan-embed-text-v2:0'
CLAUDE = 'claude-sonnet-4-6'
GPT = 'gpt-6.1-sol'
QUOTA = 'ServiceQuotaExceededException'
THROTTLED = 'ThrottlingException'
CHEAP = 'the cheaper answer'
CROWD = 50
ADMITTED = 10
SHORT = 18          # calls before estimate=learned has learned enough
LONG = {'events': 400, 'piece': 500, 'delay_ms': 1}
LONG_TEXT = Call('', '', {}, LONG, '').whole()

# name: (its budget, what else its location says)
LOCATIONS = {
    'final': ('1req/30d', ''),
    'wait': ('1req/3s', ''),
    'never': ('60tok/30d', ''),
    'as429': ('1req/30d', 'genai_budget_status 429;'),
    'as403': ('1req/30d', 'genai_budget_status 403;'),
    'cheaper': ('1req/30d', 'error_page 402 = @cheaper_%s;'),
    'crowd': ('%dreq/30d' % ADMITTED, ''),
    'storm': ('%dreq/3s' % ADMITTED, ''),
    'retried': ('10req/30d', ''),
    'read': ('1req/day 10Mtok/30d', ''),
    'read-wait': ('1req/8s 10Mtok/30d', ''),
    'paid': ('1usd/30d', ''),
    'cut': ('zone=cut stream=stop', ''),
    'cut2': ('zone=cut stream=stop', ''),
}

APIS = {'bedrock': 'model', 'anthropic': 'anthropic', 'openai': 'openai'}

CONF = sdk.HEAD + '''
    genai_prices %(prices)s;
    genai_queue 4m path=%(directory)s/queue;
    genai_budget_zone $uses zone=cut:1m limit=8000tok/30d estimate=learned;

    map $uri $uses { "~^/(?<use>[^/]+/[^/]+)/" $use; }

    log_format calls escape=json '{"uri":"$uri","status":$status,'
        '"id":"$http_amz_sdk_invocation_id",'
        '"nth":"$http_x_stainless_retry_count",'
        '"budget":"$genai_budget_status",'
        '"left":"$genai_budget_remaining","wait":"$sent_http_retry_after",'
        '"at":$msec,"sent":"$upstream_addr"}';
    access_log logs/calls.log calls;

    upstream sim {
        server 127.0.0.1:%(sim)d;
        keepalive 8;
    }

    server {
        listen 127.0.0.1:%(h1)d;
        listen 127.0.0.1:%(h2)d http2;
        server_name gateway;
        client_max_body_size 25m;
        proxy_read_timeout 300s;

        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Sim-Text $answer;
        proxy_buffering off;
        set $answer "";

        location = /metrics { genai_status metrics; access_log off; }
%(locations)s
    }
}
'''

LOCATION = '''
        location /%s/%s/ {
            genai %s;
            genai_budget %s;
            %s
            proxy_pass http://sim;
        }
'''

CHEAPER = '''
        location @cheaper_%s {
            genai %s;
            set $answer "%s";
            proxy_pass http://sim;
        }
'''


def conf(**values):
    out = []
    for api, path in APIS.items():
        for name, (budget, more) in LOCATIONS.items():
            out.append(LOCATION % (name, path, api, budget,
                                   more.replace('%s', api)))
        out.append(CHEAPER % (api, api, CHEAP))
    return CONF % dict(values, load='load_module %s;' % values['module'],
                       prices=PRICES, locations=''.join(out))


# what a call should come to, given what its SDK saw

def answered(text=None):
    sha = text and hashlib.sha256(text.encode()).hexdigest()
    return lambda r: r['ok'] and (not text or r['text_sha256'] == sha)


def refused(name, status, *words):
    """The typed exception, and the facts where its reader finds them."""
    def check(r):
        seen = '%s %s' % (r.get('message'), json.dumps(r.get('details')))
        return (not r['ok'] and r['status'] == status
                and name == r['exception']
                and all(re.search(w, seen) for w in words))
    return check


GONE = (r"Budget 'gateway/final/\w+/' exhausted: 1 request of 1 request "
        r"spent, this call may use 1 request; resets \d{4}-\d\d-\d\dT")
FACTS = ('"budget": "gateway/', '"limit": "1req/30d"',
         '"spent": "1 request"', r'"resetAt": "\d{4}-')
MORE = 'may use .* tokens, more than the whole limit of 60 tokens'


def either(*checks):
    return lambda r: any(c(r) for c in checks)


def cut(*names):
    """An exception in the middle, what came before it intact."""
    def check(r):
        came = LONG_TEXT[:r['chars']]
        kinds = (r.get('exception'), r.get('code'), *r.get('bases', ()))
        return (not r['ok'] and 0 < r['chars'] < len(LONG_TEXT)
                and hashlib.sha256(came.encode()).hexdigest()
                == r['text_sha256']
                and all(name in kinds for name in names)
                and 'budget' in r['message'].lower())
    return check


class Row:
    """A call, what it should come to, and how often it may be sent; what:
    None where only a failure is worth a line."""

    def __init__(self, where, what, call, want, least=1, most=None):
        self.where, self.want = where, want
        self.least, self.most = least, most or least
        self.call = dict(call, prefix='/' + where)
        self.name = what and '%s: %s' % (where, what)


def converse_long():
    call = sdk.converse('')
    call['params']['messages'][0]['content'][0]['text'] = 'x' * 3000000
    return call


def aws_rows(js, patient, most, on_429):
    """patient: the SDK heeds how long to wait; most: attempts at most;
    on_429: how often a 429 that is no throttling is sent"""
    facts = FACTS if js else ()
    final = refused(QUOTA, 402, GONE, *facts)
    tired = refused(THROTTLED, 429, 'exhausted: 1 request of 1 request')
    ask = {'input': 20, 'output': 9, 'text': 'dear'}
    converse = sdk.converse('Converse', **ask)
    stream = sdk.stream('ConverseStream', **ask)
    titan = {'name': 'Titan', 'op': 'InvokeModel', 'params': {
        'modelId': TITAN, 'body': {'inputText': 'hello'}}}

    rows = [
        Row('final', 'the first', converse, answered('dear')),
        Row('final', 'Converse', converse, final),
        Row('final', 'ConverseStream', stream, final),
        Row('final', 'InvokeModel', sdk.invoke('', **ask), final),
        Row('final', 'InvokeModelWithResponseStream',
            sdk.invoke('', 'InvokeModelWithResponseStream', **ask), final),
        Row('final', 'an embedding', titan, final),
        Row('final', 'a prompt that is not read', converse_long(), final),
        Row('never', 'larger than the limit', converse,
            refused(QUOTA, 402, MORE)),
        Row('never', 'the same as a stream', stream,
            refused(QUOTA, 402, MORE)),
        Row('wait', 'the first', converse, answered('dear')),
        Row('wait', 'soon after', converse, answered('dear'), 2)
        if patient else
        Row('wait', 'soon after', converse,
            either(answered('dear'), tired), 2, most),
        Row('as429', 'the first', converse, answered('dear')),
        Row('as429', 'final, but with 429', converse,
            refused(QUOTA, 429, 'exhausted'), on_429),
        Row('as403', 'the first', converse, answered('dear')),
        Row('as403', 'with 403', converse, refused(QUOTA, 403, 'exhausted')),
        Row('cheaper', 'the first', converse, answered('dear')),
        Row('cheaper', 'the next by another', sdk.converse('', output=5),
            answered(CHEAP)),
        Row('cheaper', 'a stream by another', sdk.stream('', output=5),
            answered(CHEAP)),
    ]
    for where in ('retried', 'paid'):
        for fail in ('throttle', 'internal'):
            rows.append(Row(where, fail + ' at first',
                            sdk.converse('', fail=fail, fail_times=1, **ask),
                            answered('dear'), 2))
    return rows


def cut_rows(where, what, short, long, want, final):
    return ([Row(where, None, short, answered()) for i in range(SHORT)]
            + [Row(where, what + ' that goes on', long, want),
               Row(where, what + ', the next call', short, final)])


def aws_cuts(js):
    want = cut(THROTTLED) if js else cut('EventStreamError',
                                         'throttlingException')
    few = {'input': 20, 'output': 10}
    out = []
    for where, make, plain, stream in (
            ('cut', sdk.converse, 'Converse', 'ConverseStream'),
            ('cut2', sdk.invoke, 'InvokeModel',
             'InvokeModelWithResponseStream')):
        short, long = make('', plain, **few), make('', stream, **LONG)
        maximum(short, 500)
        maximum(long, 60000)
        out += cut_rows(where, stream, short, long, want,
                        refused(QUOTA, 402, 'exhausted'))
    return out


def maximum(call, n):
    p = call['params']
    if 'inferenceConfig' in p:
        p['inferenceConfig']['maxTokens'] = n
    else:
        p['body']['max_tokens'] = n


def direct(op, model, tokens=None, stream=False, **d):
    """A call of Anthropic's or OpenAI's SDK."""
    prompt = sdk.say('hello', **d)
    params = {'model': model}
    if op in ('responses', 'embeddings'):
        params['input'] = prompt
    else:
        params['messages'] = [{'role': 'user', 'content': prompt}]
    if op != 'embeddings':
        params['max_output_tokens' if op == 'responses'
               else 'max_tokens'] = tokens or 500
    if stream:
        params['stream'] = True
    return {'name': op, 'op': op, 'params': params, 'max_retries': 2}


def direct_rows(op, model):
    """The status makes the class, to OpenAI's SDK 402 has none of its own;
    x-should-retry, whatever the status, says whether to retry."""
    ask = {'input': 20, 'output': 9, 'text': 'dear'}
    facts = (GONE,) if op == 'bedrock' else (GONE, *FACTS)
    kind = {'messages': '"type": "billing_error"', 'bedrock': '.'}.get(
        op, '"code": "insufficient_quota"')
    call, stream = (direct(op, model, stream=s, **ask)
                    for s in (False, True))
    gone = 'APIStatusError' if op == 'chat' else 'PaymentRequiredError'
    final = refused(gone, 402, kind, *facts)

    return [
        Row('final', 'the first', call, answered('dear')),
        Row('final', 'a call', call, final),
        Row('final', 'a stream', stream, final),
        Row('never', 'larger than the limit', call,
            refused(gone, 402, MORE)),
        Row('wait', 'the first', call, answered('dear')),
        Row('wait', 'soon after', call, answered('dear'), 2),
        Row('as429', 'the first', call, answered('dear')),
        Row('as429', 'final, but with 429', call,
            refused('RateLimitError', 429, kind, 'exhausted')),
        Row('as403', 'the first', call, answered('dear')),
        Row('as403', 'with 403', call,
            refused('PermissionDeniedError', 403, 'exhausted')),
        Row('cheaper', 'the first', call, answered('dear')),
        Row('cheaper', 'the next by another',
            direct(op, model, output=5), answered(CHEAP)),
        Row('cheaper', 'a stream by another',
            direct(op, model, stream=True, output=5), answered(CHEAP)),
        Row('retried', 'throttled at first',
            direct(op, model + '-' + op, fail='throttle', fail_times=1,
                   **ask), answered('dear'), 2),
    ]


def full_rows():
    out = []
    for op, model in (('messages', CLAUDE),
                      ('bedrock', sdk.MODEL), ('chat', GPT)):
        rows = direct_rows(op, model)
        for row in rows:
            row.name = '%s, %s' % (op, row.name)
        out += rows

    final = refused('APIStatusError', 402, '"code": "insufficient_quota"',
                    GONE, *FACTS)
    out += [Row('final', 'responses', direct('responses', GPT), final),
            Row('final', 'responses, a stream',
                direct('responses', GPT, stream=True), final),
            Row('final', 'embeddings',
                direct('embeddings', 'text-embedding-3-small'), final)]

    for where, op, model, error in (
            ('cut', 'messages', CLAUDE, 'APIStatusError'),
            ('cut', 'bedrock', sdk.MODEL, 'APIStatusError'),
            ('cut', 'chat', GPT, 'APIError'),
            ('cut2', 'responses', GPT, 'APIError')):
        gone = 'APIStatusError' if model == GPT else 'PaymentRequiredError'
        out += cut_rows(where, op, direct(op, model, input=20, output=10),
                        direct(op, model, 60000, True, **LONG), cut(error),
                        refused(gone, 402, 'exhausted'))
    return out


class Leg:
    """One SDK against an nginx, and a simulator, of its own."""

    def __init__(self, name, which, rows, most, crowd=(), http1=False,
                 patient=True, env=None):
        self.name, self.which, self.rows = name, which, rows
        self.most, self.crowd, self.http1 = most, crowd, http1
        self.patient, self.env = patient, env
        self.crowds = {}

    def client(self, calls, **env):
        return harness.run_client(
            self.which, calls, 'http://127.0.0.1:%d' % self.port,
            self.http1, dict(self.env or {}, **env), 300)

    def run(self, module, directory):
        """Makes the calls; nothing is looked at before nginx has ended."""
        os.mkdir(directory)
        sim = harness.Simulator(directory, '--strict-sigv4')
        h1, h2 = harness.free_port(), harness.free_port()
        self.port = h2 if self.which == 'js' and not self.http1 else h1

        try:
            self.nginx = harness.Nginx(directory, conf(
                module=module, directory=directory, sim=sim.port, h1=h1,
                h2=h2), (h1, h2))
            try:
                self.seen = self.client([r.call for r in self.rows])
                for where, call in self.crowd:
                    self.crowds[where] = self.client(
                        [dict(call, prefix='/' + where)] * CROWD,
                        SIM_AT_ONCE='1')
                self.metrics = harness.get(
                    'http://127.0.0.1:%d/metrics' % h1)
                self.calls = sim.calls()
            finally:
                self.nginx.stop()
        finally:
            sim.stop()

        with open(os.path.join(directory, 'logs', 'calls.log')) as f:
            self.log = [json.loads(line) for line in f]
        return self

    def attempts(self, where, path):
        """The lines of each call of a location, in the order in which the
        calls began: AWS's SDKs name a call, the others number attempts."""
        out = {}
        for line in self.log:
            if line['uri'].startswith('/%s/%s' % (where, path)):
                key = line['id'] or (len(out) + (line['nth'] == '0'))
                out.setdefault(key, []).append(line)
        return list(out.values())

    def check(self):
        at = {}
        for row, r in zip(self.rows, self.seen):
            path = 'model'
            if self.which == 'full':
                path = {'messages': 'anthropic', 'bedrock': 'model'}.get(
                    row.call['op'], 'openai')
            done = at.setdefault((row.where, path),
                                 iter(self.attempts(row.where, path)))
            self.check_row(row, r, next(done, []))

        tap.ok(all(next(done, None) is None for done in at.values()),
               self.name + ': no call but these was seen')
        for where in self.crowds:
            self.check_crowd(where)
        self.check_sent()
        self.check_counters()
        if self.which != 'full':
            self.check_settled()
        tap.no_alerts(self.nginx, self.name + ': nothing alarming is logged')

    def check_row(self, row, r, lines):
        name = '%s, %s' % (self.name, row.name)

        if row.name is None and row.want(r) and len(lines) == 1:
            return

        said = r.get('attempts')
        tap.ok(row.want(r), name, json.dumps(r, default=str)[:2000])
        tap.ok(row.least <= len(lines) <= row.most
               and said in (None, len(lines)),
               '%s, sent %s' % (name, row.least if row.least == row.most
                                else '%d to %d times' % (row.least,
                                                         row.most)),
               '%s attempts by the SDK, %d lines' % (said, len(lines)))

        if row.where == 'wait' and len(lines) > 1 and self.patient:
            gaps = [(float(b['at']) - float(a['at']), int(a['wait']))
                    for a, b in zip(lines, lines[1:])]
            tap.ok(all(gap > wait - 0.05 > 0 for gap, wait in gaps),
                   name + ', after the wait it was told', gaps)

    def check_crowd(self, where):
        """All at once: who is admitted is exactly known where the limit does
        not refill; where it does, nobody asks for ever."""
        seen = self.crowds[where]
        path = APIS['openai'] if self.which == 'full' else 'model'
        groups = self.attempts(where, path)
        lines = sum(map(len, groups))
        good = sum(r['ok'] for r in seen)
        name = '%s, %d at once, %s' % (self.name, CROWD, where)
        final = where == 'crowd'

        if self.which == 'full':
            want = (refused('APIStatusError', 402, 'insufficient_quota')
                    if final else
                    refused('RateLimitError', 429, 'rate_limit_exceeded'))
        else:
            want = (refused(QUOTA, 402, '10 requests of 10 requests spent')
                    if final else
                    refused(THROTTLED, 429, '10 requests of 10 requests'))

        tap.ok(good == ADMITTED if final else good >= ADMITTED,
               '%s: %s%d are admitted' % (name, '' if final else 'at least ',
                                          ADMITTED), good)
        bad = [r for r in seen if not r['ok'] and not want(r)]
        tap.ok(not bad, name + ': the others get the typed exception',
               json.dumps(bad[:2], default=str)[:2000])
        tap.ok(good == sum(x['budget'] == 'PASSED' for g in groups
                           for x in g),
               name + ': as many as the budget says')
        if final:
            tap.equal(lines, CROWD, name + ': each is sent once')
        else:
            most = self.most * CROWD
            tap.ok(lines <= most and (self.which == 'full' or max(
                map(len, groups)) <= self.most),
                '%s: none is sent more than %d times' % (name, self.most),
                lines)
            tap.note('%s: %d requests, %d admitted' % (name, lines, good))

    def check_sent(self):
        """What is refused goes nowhere, all else to the model."""
        for where in LOCATIONS:
            sent = [x for x in self.log if x['sent']
                    and x['uri'].startswith('/%s/' % where)]
            got = [c for c in self.calls
                   if c['path'].startswith('/%s/' % where)]
            if where != 'cheaper':
                tap.ok(all((x['budget'] == 'PASSED') == bool(x['sent'])
                           for x in self.log
                           if x['uri'].startswith('/%s/' % where)),
                       '%s, %s: refused calls are not sent'
                       % (self.name, where))
            tap.equal(len(got), len(sent),
                      '%s, %s: the model saw the others'
                      % (self.name, where))

    def counted(self, name, label=''):
        """The sum of a counter's rows, error_page's redirects left out."""
        rows = re.findall(r'(?m)^%s(\{.*\})? (\S+)$' % name, self.metrics)
        return sum(float(value) for labels, value in rows
                   if label in labels and '/cheaper/' not in labels)

    def check_counters(self):
        groups = [g for where in LOCATIONS for path in APIS.values()
                  if where != 'cheaper' for g in self.attempts(where, path)]

        tap.equal(self.counted('genai_sdk_retries_total'),
                  sum(len(g) - 1 for g in groups),
                  self.name + ': genai_sdk_retries_total counts retries')

        for status in ('PASSED', 'REJECTED'):
            tap.equal(self.counted('genai_budget_admissions_total',
                                   'status="%s"' % status.lower()),
                      sum(x['budget'] == status for g in groups for x in g),
                      '%s: genai_budget_admissions_total of %s'
                      % (self.name, status))

    def check_settled(self):
        """Every attempt is a request; of two, the model answered one, and
        that is what was paid."""
        left = [x['left'] for g in self.attempts('retried', 'model')
                for x in g]
        tap.equal(left, ['9', '8', '7', '6'],
                  self.name + ': each attempt is a request of its budget')

        usage = dict(dict.fromkeys(sdk.TOKENS, 0), input=20, output=9)
        cost = prices.Prices(PRICES).cost(sdk.MODEL, usage)
        left = [(1 - Fraction(x['left'])) * 10 ** 12
                for g in self.attempts('paid', 'model') for x in g]
        tap.equal(left, [0, cost, cost, 2 * cost],
                  self.name + ': what failed costs nothing, its retry what '
                  'the answer costs')


def legs(have):
    crowd = sdk.converse('', input=20, output=9)
    both = [('crowd', crowd), ('storm', crowd)]
    out = []

    if 'python' in have:
        out += [
            Leg('boto3', 'python', aws_rows(False, True, 3, 3)
                + aws_cuts(False), 3, both),
            Leg('boto3, legacy', 'python', aws_rows(False, False, 5, 5), 5,
                both, patient=False, env={'AWS_RETRY_MODE': 'legacy'})]
    if 'js' in have:
        rows = aws_rows(True, True, 3, 3) + aws_cuts(True)
        out += [Leg('JavaScript', 'js', rows, 3, both),
                Leg('JavaScript, HTTP/1.1', 'js', rows, 3, both, http1=True)]
    if harness.full_client():
        chat = direct('chat', GPT)
        out.append(Leg('direct', 'full', full_rows(), 3,
                       [('crowd', chat), ('storm', chat)]))
    else:
        tap.note("Anthropic's and OpenAI's SDKs are left out: "
                 "t/sim/clients/install.sh python-full installs them")
    return out


# the bytes themselves

BODIES = {
    'model/%s/converse' % sdk.MODEL:
        b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}],'
        b'"inferenceConfig":{"maxTokens":9}}',
    'anthropic/v1/messages':
        b'{"model":"claude-sonnet-4-6","max_tokens":9,"messages":[]}',
    'openai/v1/chat/completions':
        b'{"model":"gpt-6.1-sol","max_tokens":9,"messages":[]}',
}


def fetch(port, path, body, h2):
    """(status, {header: value}, body)"""
    done = subprocess.run(
        ['curl', '-s', '-i', '--data-binary', '@-',
         '--http2-prior-knowledge' if h2 else '--http1.1',
         'http://127.0.0.1:%d%s' % (port, path)], input=body,
        capture_output=True, check=True)
    head, _, body = done.stdout.partition(b'\r\n\r\n')
    first, *lines = head.decode().split('\r\n')
    headers = [line.split(': ', 1) for line in lines]
    return int(first.split()[1]), {k.lower(): v for k, v in headers}, body


def moment(text):
    return email.utils.parsedate_to_datetime(text).timestamp()


def wire(module, directory):
    """HTTP/2's refusals are HTTP/1.1's, and Date is right: JavaScript's SDK
    takes an error with another for a wrong clock, and sends it again.

    These budgets read the body first: curl 7.88 drops a whole answer over the
    RST_STREAM (NO_ERROR) by which nginx declines the rest of a body."""
    os.mkdir(directory)
    h1, h2 = harness.free_port(), harness.free_port()
    sim = harness.Simulator(directory)
    try:
        nginx = harness.Nginx(directory, conf(
            module=module, directory=directory, sim=sim.port, h1=h1, h2=h2),
            (h1, h2))
        try:
            for path, body in BODIES.items():
                for where, status in (('read', 402), ('read-wait', 429)):
                    compare('/%s/%s' % (where, path), status, body, h1, h2)
        finally:
            nginx.stop()
    finally:
        sim.stop()
    tap.no_alerts(nginx, 'raw: nothing alarming is logged')


def compare(path, status, body, h1, h2):
    fetch(h1, path, body, False)
    before = time.time()
    one, two = fetch(h1, path, body, False), fetch(h2, path, body, True)
    after = time.time()

    tap.equal((one[0], two[0]), (status, status), path + ': status')
    tap.equal(two[2], one[2], path + ': h2 has the body of h1')
    tap.equal(int(one[1]['content-length']), len(one[2]),
              path + ': Content-Length')
    mine = {'date', 'connection', 'x-amzn-requestid', 'retry-after',
            'retry-after-ms', 'x-amz-retry-after'}
    tap.equal({k: v for k, v in two[1].items() if k not in mine},
              {k: v for k, v in one[1].items() if k not in mine},
              path + ': h2 has the headers of h1')

    for name, (_, headers, _) in (('h1', one), ('h2', two)):
        date = moment(headers['date'])
        tap.ok(before - 2 <= date <= after + 2, '%s, %s: Date' % (path, name),
               [before, headers['date'], after])
        if status == 429:
            reset = re.search(rb'"resetAt":"([^"]+)"', one[2])[1].decode()
            wait = int(headers['retry-after'])
            at = time.strftime('%Y-%m-%dT%H:%M:%SZ',
                               time.gmtime(date + wait))
            tap.ok(at == reset
                   and headers['retry-after-ms'] == '%d' % (wait * 1000)
                   and headers['x-amz-retry-after'] == '%d' % (wait * 1000),
                   '%s, %s: the hints lead to resetAt' % (path, name),
                   [at, reset, headers])


def main():
    harness.install_clients()
    module = harness.find_module()
    have = harness.clients()
    if not module or not have:
        print('1..0 # SKIP no %s' % ('SDK' if module else 'module'))
        return

    top = tempfile.mkdtemp(prefix='genai-budget-sdk-')
    todo = legs(have)

    # they mostly wait
    with ThreadPoolExecutor(len(todo)) as pool:
        running = [pool.submit(leg.run, module, os.path.join(top, str(i)))
                   for i, leg in enumerate(todo)]
        for leg in running:
            leg.result().check()

    wire(module, os.path.join(top, 'wire'))

    if tap.failed:
        tap.note('left for a look: ' + top)
    else:
        shutil.rmtree(top, ignore_errors=True)
    tap.done()


if __name__ == '__main__':
    main()
