#!/usr/bin/env python3
"""make demo: real SDKs, through nginx with the module, to a simulated
Bedrock; every call shown as a span with its tokens and cost, the sums beside
the simulator's own meter.

Needs the module (make build); installs the SDKs (t/sim/clients/install.sh).
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness                              # noqa: E402
import prices                               # noqa: E402
import spans                                # noqa: E402

SONNET = 'us.anthropic.claude-sonnet-4-6'
HAIKU = 'global.anthropic.claude-haiku-4-5-20251001-v1:0'
TITAN = 'amazon.titan-embed-text-v2:0'
TRACE = '6921f00a4bf92f3577b34da6a3ce929d'
PARENT = '00f067aa0ba902b7'
TOKENS = ('input', 'output', 'cache_read', 'cache_write', 'cache_write_1h')
LABELS = {'input': 'input tokens', 'output': 'output tokens',
          'cache_read': 'cache read tokens',
          'cache_write': 'cache write tokens',
          'cache_write_1h': '  of them for 1 h'}

ANSWER = ('Every call that passes is counted: tokens, cost and time, while '
          'its bytes stay as they were.')


# what is asked

def chat(name, op, model, question, **d):
    return {'name': name, 'op': op, 'params': {
        'modelId': model,
        'inferenceConfig': {'maxTokens': 1000, 'temperature': 0.2},
        'messages': [{'role': 'user', 'content': [
            {'text': '%s sim:%s' % (question, json.dumps(d))}]}]}}


def invoke(name, op, model, question, **d):
    return {'name': name, 'op': op, 'params': {
        'modelId': model, 'contentType': 'application/json', 'body': {
            'anthropic_version': 'bedrock-2023-05-31', 'max_tokens': 1000,
            'messages': [{'role': 'user', 'content': '%s sim:%s'
                          % (question, json.dumps(d))}]}}}


def embed(name, text):
    return {'name': name, 'op': 'InvokeModel', 'params': {
        'modelId': TITAN, 'body': {'inputText': text, 'dimensions': 1024}}}


def traced(call):
    call['headers'] = {'traceparent': '00-%s-%s-01' % (TRACE, PARENT)}
    return call


def left(call, events):
    call['abort_after'] = events
    return call


def python_calls():
    rag = 'A question, embedded and answered: one trace of the application'
    return [
        traced(embed(rag, 'What does the gateway count?')),
        traced(chat(rag, 'ConverseStream', SONNET,
                    'What does the gateway count?', text=ANSWER, events=30,
                    delay_ms=8, first_ms=60, input=412, cache_read=2048,
                    output=187)),
        chat('A prompt put into the cache for an hour', 'Converse', SONNET,
             'Read this handbook.', input=35, cache_write=4096, ttl='1h',
             output=96),
        chat('Tools', 'Converse', HAIKU, 'Is it raining in Basel?',
             tools=['weather', 'clock'], input=642, output=88),
        invoke('InvokeModel with reasoning', 'InvokeModel', SONNET,
               'How many primes are below 100?', input=24, output=310,
               reasoning=268),
        invoke('InvokeModel, streamed', 'InvokeModelWithResponseStream',
               HAIKU, 'Tell me a story.', input=19, output=240, events=40,
               delay_ms=4, first_ms=35, cache_write=1024),
        chat('Throttled once, the SDK tries again', 'Converse', HAIKU,
             'Hello?', fail='throttle', fail_times=1, input=12, output=9),
        chat('A stream that fails on its way', 'ConverseStream', SONNET,
             'And then?', fail='exception', events=20, delay_ms=2),
        left(chat('A reader who leaves', 'ConverseStream', SONNET,
                  'Go on for ever.', events=500, delay_ms=5), 25),
    ]


def js_calls():
    return [
        chat('Converse', 'Converse', SONNET, 'Grüezi!', text='Grüezi mitenand',
             input=14, output=7),
        chat('ConverseStream with a tool', 'ConverseStream', HAIKU,
             'What time is it?', events=25, delay_ms=6, first_ms=40,
             input=530, output=142, tools=['clock'], reasoning=40),
        invoke('InvokeModel', 'InvokeModel', HAIKU, 'Shorter, please.',
               input=88, output=31, cache_read=1024),
        invoke('InvokeModel, streamed', 'InvokeModelWithResponseStream',
               SONNET, 'Longer, please.', input=90, output=420, events=60,
               delay_ms=3, first_ms=25),
        embed('Embedding', 'What flows through the gateway?'),
        chat('Refused: not a valid request', 'Converse', HAIKU, 'Hm.',
             fail='validation'),
        left(chat('A reader who leaves', 'ConverseStream', HAIKU,
                  'Count to a million.', events=500, delay_ms=5), 20),
    ]


# how it is shown

class Style:
    def __init__(self, out):
        on = out.isatty() and 'NO_COLOR' not in os.environ \
            and os.environ.get('TERM') != 'dumb'

        def code(n):
            return '\033[%sm' % n if on else ''

        self.bold, self.dim, self.off = code(1), code(2), code(0)
        self.red, self.green, self.cyan = code('1;31'), code(32), code(36)


S = Style(sys.stdout)
NAME = 44


def line(text=''):
    print(text, flush=True)


def heading(text):
    line()
    line(S.bold + text + S.off)


def fit(text, width):
    return text if len(text) <= width else text[:width - 1] + '…'


def columns(name, cells, color=''):
    """Name and figures in the columns of every table line."""
    widths = (7, 8, 8, 8, 9, 8, 13)
    return '%s%s%s%s' % (color, fit(name, NAME).ljust(NAME),
                         S.off if color else '',
                         ''.join(str(c).rjust(w)
                                 for c, w in zip(cells, widths)))


def count(n):
    return '' if n is None else '{:,}'.format(n)


def seconds(s):
    if s is None:
        return ''
    return '%.0f ms' % (s * 1000) if s < 1 else '%.2f s' % s


def outcome(span):
    if span.get('error.type') and not span.get('genai.aborted'):
        return S.red + str(span.get('error.type')) + S.off
    if span.get('genai.aborted'):
        return S.cyan + 'client left' + S.off
    return str(span.get('genai.stop_reason') or '')


def show(span, branch):
    u = span.usage()
    known = span.get('gen_ai.usage.input_tokens') is not None
    cost = span.get('genai.cost.pico_usd')
    cells = [count(u['input']) if known else '',
             count(u['cache_read'] or None), count(u['cache_write'] or None),
             count(span.get('gen_ai.usage.output_tokens')),
             seconds(span.seconds()), seconds(ttft(span)),
             '' if cost is None else money(cost)]
    attempt = span.get('genai.attempt', 1)
    note = '' if attempt < 2 else '%s, attempt %d%s' % (S.dim, attempt, S.off)
    line((columns(branch + span.name, cells) + '   '
          + outcome(span) + note).rstrip())


def ttft(span):
    return span.get('genai.time_to_first_token')


def money(pico):
    """Dollars to a billionth, as the table shows them."""
    return '%.9f' % ((pico + 500) // 1000 / 1e9)


def tree(title, group):
    """One trace: its spans below their parents."""
    ids = {s.id for s in group}
    outside = sorted({s.parent for s in group if s.parent} - ids)
    line()
    line('%s%s%s' % (S.bold, title, S.off))
    line('%strace %s%s' % (S.dim, group[0].trace, S.off))

    for parent in outside:
        line('%s○ span %s of the application%s' % (S.dim, parent, S.off))
        children([s for s in group if s.parent == parent], group, '')

    children([s for s in group if not s.parent], group, '', root=True)


def children(row, group, indent, root=False):
    row.sort(key=lambda s: s.start)
    for i, span in enumerate(row):
        last = i == len(row) - 1
        branch = '● ' if root else indent + ('└─ ' if last else '├─ ')
        show(span, branch)
        below = [s for s in group if s.parent == span.id]
        children(below, group,
                 '  ' if root else indent + ('   ' if last else '│  '))


# what is checked

class Verdict:
    def __init__(self):
        self.problems = []

    def expect(self, cond, problem):
        if not cond:
            self.problems.append(problem)
        return bool(cond)


def compare(v, calls, found, results, table):
    """Each call that reached the simulator against its span."""
    by_id = {s.id: s for s in found}
    v.expect(len(by_id) == len(found), 'a span id came twice')
    seen = {r['request_id']: r for r in results if r.get('request_id')}

    for call in calls:
        what = '%s of %s (call %d)' % (call['operation'], call['model'],
                                       call['n'])
        sent = call['trace'].get('traceparent', '')
        span = by_id.get(sent[36:52])

        if not v.expect(span, what + ': no span for the trace header that '
                        'reached the model'):
            continue

        v.expect(span.trace == sent[3:35], what + ': another trace id')
        v.expect(span.get('gen_ai.request.model') == call['model'],
                 what + ': another model')
        v.expect(span.get('aws.request_id') == call['request_id'],
                 what + ': another request id')

        if call['outcome'] == 'ok':
            compare_ok(v, what, call, span, seen, table)
        elif call['outcome'] == 'aborted':
            v.expect(span.get('genai.aborted') is True,
                     what + ': not marked as aborted')
        else:
            v.expect(span.status == 2 and span.get('error.type'),
                     what + ': no error on its span')


def compare_ok(v, what, call, span, seen, table):
    truth = {k: call['usage'][k] for k in TOKENS}
    v.expect(span.usage() == truth, '%s: tokens %r, the meter says %r'
             % (what, span.usage(), truth))
    cost = table.cost(call['model'], call['usage'])
    v.expect(cost is not None and span.get('genai.cost.pico_usd') == cost,
             '%s: cost %r pico-USD, computed %r'
             % (what, span.get('genai.cost.pico_usd'), cost))

    sdk = seen.get(call['request_id'])
    if sdk and sdk['stop']:
        v.expect(span.get('genai.stop_reason') == sdk['stop'],
                 '%s: stop reason %r, the SDK saw %r'
                 % (what, span.get('genai.stop_reason'), sdk['stop']))
    if 'Stream' in call['operation']:
        v.expect(0 < (ttft(span) or 0) <= span.seconds(),
                 what + ': no time to first token')


def complete(span):
    return span.get('genai.usage.complete') is True


def sums(v, sim, calls, found, table):
    meter = sim.meter()['total']
    whole = [s for s in found if complete(s)]
    heading('Sums of all complete answers')
    line('%s%-22s%18s%18s%s' % (S.dim, '', 'gateway', 'bedrock-sim', S.off))

    def row(label, ours, theirs, form=count):
        same = ours == theirs
        v.expect(same, 'sum of %s: %s against %s' % (label, ours, theirs))
        verdict = (S.green + 'OK' if same else S.red + 'DIFFERS') + S.off
        line('%-22s%18s%18s  %s' % (label, form(ours), form(theirs), verdict))

    row('calls', len(found), meter['calls'])
    row('failed or refused', sum(s.status == 2 and
                                 not s.get('genai.aborted') for s in found),
        meter['errors'])
    row('left by the client', sum(s.get('genai.aborted') is True
                                  for s in found), meter['aborted'])
    for key in TOKENS:
        row(LABELS[key], sum(s.usage()[key] for s in whole), meter[key])

    ours = sum(s.get('genai.cost.pico_usd', 0) for s in whole)
    theirs = sum(table.cost(c['model'], c['usage']) or 0 for c in calls
                 if c['outcome'] == 'ok')
    row('cost, USD', ours, theirs, prices.usd)

    partial = [s for s in found if not complete(s)
               and s.get('genai.cost.pico_usd')]
    if partial:
        line('%sBesides, %d answers that broke off: at least %s USD, from '
             'what passed before.%s'
             % (S.dim, len(partial), prices.usd(sum(
                 s.get('genai.cost.pico_usd') for s in partial)), S.off))


def check_metrics(v, url, found):
    """The counters of /metrics are about the same calls."""
    try:
        text = harness.get(url)
    except OSError as e:
        v.expect(False, '%s: %s' % (url, e))
        return

    def total(name, **labels):
        out = 0
        for m in re.finditer(r'^%s(?:\{([^}]*)\})? ([0-9.e+-]+)$' % name,
                             text, re.M):
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', m.group(1) or ''))
            if all(pairs.get(k) == x for k, x in labels.items()):
                out += float(m.group(2))
        return out

    n = total('genai_requests_total')
    v.expect(n == len(found), '/metrics: genai_requests_total is %g, '
             'there are %d spans' % (n, len(found)))
    ours = sum(s.get('gen_ai.usage.output_tokens', 0) for s in found)
    n = total('genai_tokens_total', type='output')
    v.expect(n == ours, '/metrics: genai_tokens_total of output is %g, '
             'the spans say %d' % (n, ours))


# the run

def port(wanted, what):
    if not harness.listening(wanted):
        return wanted
    other = harness.free_port()
    line('%sport %d is taken, %s is at %d%s'
         % (S.dim, wanted, what, other, S.off))
    return other


def configuration(directory, module, sim, ports):
    with open(os.path.join(harness.HERE, 'demo.conf.in')) as f:
        text = f.read()
    values = {
        'MODULE': module, 'PREFIX': directory, 'SIM': str(sim.port),
        'PRICES': os.path.join(harness.TOP, 'conf.examples/prices.json'),
        'SPANS': os.path.join(directory, 'spans.jsonl'),
        'USER': 'user root;\n' if os.geteuid() == 0 else '',
        'PAGE': str(ports[0]), 'H1': str(ports[1]), 'H2': str(ports[2])}
    return re.sub(r'@([A-Z0-9]+)@',
                  lambda m: values.get(m.group(1), m.group(0)), text)


def talk(have, ports):
    """Both SDKs at once, as two applications would."""
    out = {}
    problems = []

    def run(which, calls, endpoint):
        try:
            out[which] = harness.run_client(which, calls, endpoint)
        except Exception as e:
            problems.append(e)

    todo = [('python', python_calls(), 'http://127.0.0.1:%d' % ports[1])]
    if 'js' in have:
        todo.append(('js', js_calls(), 'http://127.0.0.1:%d' % ports[2]))
    threads = [threading.Thread(target=run, args=t) for t in todo]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if problems:
        raise problems[0]
    return out


def titles(results, calls):
    """Invocation id of the SDK -> what the call is about; an application's
    own trace -> the same."""
    by_request = {c['request_id']: c for c in calls}
    out = {}
    for which, rows in results.items():
        for r in rows:
            call = by_request.get(r.get('request_id'))
            if call:
                out[call['invocation_id']] = '%s — %s' % (
                    r['name'], r['sdk'].replace('aws-sdk-js',
                                                'JavaScript SDK'))
    return out


def show_traces(found, calls, results):
    names = titles(results, calls)
    by_span = {c['trace'].get('traceparent', '')[36:52]: c for c in calls}
    traces = {}
    for span in found:
        traces.setdefault(span.trace, []).append(span)

    def key(group):
        call = by_span.get(group[0].id)
        sdk = names.get(call['invocation_id'], '') if call else ''
        return 'JavaScript' in sdk, min(s.start for s in group)

    line()
    line(S.dim + columns('', ('input', 'c.read', 'c.write', 'output', 'time',
                              'TTFT', 'USD')) + S.off + S.dim
         + '   outcome' + S.off)
    for group in sorted(traces.values(), key=key):
        group.sort(key=lambda s: s.start)
        call = by_span.get(group[0].id)
        tree(names.get(call['invocation_id'], 'a call') if call
             else 'a call unknown to the simulator', group)


def collect(sim, path):
    """The simulator's calls and their spans, once all are written."""
    def settled():
        calls = sim.calls()
        return all(c['outcome'] != 'open' for c in calls) and calls

    calls = harness.wait_for('end of all calls', 10, settled)

    try:
        harness.wait_for('spans', 15,
                         lambda: len(spans.read(path)) >= len(calls))
    except harness.Problem:
        pass                            # what is missing is told by name
    return calls, spans.read(path)


def demo(args, directory, stop):
    harness.install_clients()
    have = harness.clients()
    if 'python' not in have:
        raise harness.Problem('boto3 could not be installed')
    module = harness.find_module()
    if not module:
        raise harness.Problem('the module is not built: run make build')

    ports = (port(args.page, 'the page'), port(args.h1, 'HTTP/1.1'),
             port(args.h2, 'HTTP/2'))
    table = prices.Prices(os.path.join(harness.TOP,
                                       'conf.examples/prices.json'))
    sim = harness.Simulator(directory)
    stop.append(sim)
    nginx = harness.Nginx(directory,
                          configuration(directory, module, sim, ports), ports)
    stop.append(nginx)
    metrics = 'http://127.0.0.1:%d/genai/metrics' % ports[0]

    heading('nginx with ngx_http_genai_module, in front of a simulated '
            'Bedrock')
    line('  boto3            http://127.0.0.1:%d   HTTP/1.1' % ports[1])
    line('  JavaScript SDK   http://127.0.0.1:%d   %s' % (
        ports[2], 'HTTP/2, prior knowledge' if 'js' in have else
        'left out: needs node 18 or later'))
    line('  metrics          ' + metrics)
    line('  prices           conf.examples/prices.json, version '
         + str(table.version))

    results = talk(have, ports)
    calls, found = collect(sim, os.path.join(directory, 'spans.jsonl'))
    v = Verdict()
    show_traces(found, calls, results)
    compare(v, calls, found, [r for rows in results.values() for r in rows],
            table)
    app = [s for s in found if s.trace == TRACE]
    v.expect(len(app) == 2 and all(s.parent == PARENT for s in app),
             'the application\'s trace does not hold its two calls')
    sums(v, sim, calls, found, table)
    check_metrics(v, metrics, found)

    line()
    if v.problems:
        line(S.red + 'DIFFERS' + S.off)
        for p in v.problems:
            line('  - ' + p)
        line('  logs and spans: ' + directory)
    else:
        line('%sOK%s  %d calls, %d spans: every token and every cent as the '
             'simulator has them.' % (S.green, S.off, len(calls),
                                      len(found)))

    if not args.once:
        line()
        line('Everything is left running. Open %s%s%s' % (S.bold, metrics,
                                                          S.off))
        line('Try: AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:%d and '
             'your own program.' % ports[1])
        line('Ctrl-C ends it.')
        forever = threading.Event()
        try:
            forever.wait()
        except KeyboardInterrupt:
            line()

    return 1 if v.problems else 0


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    ap = argparse.ArgumentParser(prog='demo.py')
    ap.add_argument('--once', action='store_true',
                    help='exit by itself, non-zero if anything differs')
    ap.add_argument('--keep', action='store_true',
                    help='keep the directory with logs and spans')
    ap.add_argument('--page', type=int, default=8088)
    ap.add_argument('--h1', type=int, default=8080)
    ap.add_argument('--h2', type=int, default=8081)
    args = ap.parse_args()

    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, interrupted)
    directory = tempfile.mkdtemp(prefix='genai-demo-')
    stop = []
    code = 1

    try:
        code = demo(args, directory, stop)
    except KeyboardInterrupt:
        code = 130
    except harness.Problem as e:
        print('demo: %s' % e, file=sys.stderr)
        if stop:
            print('demo: configuration and logs: ' + directory,
                  file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    finally:
        for what in reversed(stop):
            what.stop()
        if code in (0, 130) and not args.keep:
            shutil.rmtree(directory, ignore_errors=True)
    return code


if __name__ == '__main__':
    sys.exit(main())
