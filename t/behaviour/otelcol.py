#!/usr/bin/env python3
"""A real OpenTelemetry Collector reads what the sinks write: attributes and
their types, ids, times, status, sums of metrics in both temporalities, events
and log records of calls that budgets refused; and the lines of the file sink
are, to it, the same spans.

Needs build/otelcol and build/otlp_send (t/otelcol/build.sh makes them; make
test-full does that) and is skipped without. TAP on stdout.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, 't', 'behaviour', 'lib'))

import tap                                  # noqa: E402
import harness                              # noqa: E402

OTELCOL = os.path.join(ROOT, 'build', 'otelcol')
SEND = os.path.join(ROOT, 'build', 'otlp_send')

CONF = '''
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:%d
exporters:
  lines:
    path: %s
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [lines]
    metrics:
      receivers: [otlp]
      exporters: [lines]
    logs:
      receivers: [otlp]
      exporters: [lines]
'''

NGINX = '''
load_module %(module)s;
daemon off;
user root;
worker_processes 2;
pid logs/nginx.pid;
lock_file logs/lock;
error_log logs/error.log info;

events { worker_connections 256; }

http {
    access_log off;
    client_body_temp_path tmp/client;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;

    genai_prices %(root)s/conf.examples/prices.json;
    genai_resource service.name gateway;
    genai_queue 4m path=%(tmp)s/queue;
    genai_exporter file { path %(tmp)s/spans.jsonl; }
    genai_exporter otlp {
        endpoint http://127.0.0.1:%(collector)d/;
        interval 200ms;
        metrics_interval 500ms;
        temporality %(temporality)s;
        signals traces metrics logs;
    }
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1req/day;

    server {
        listen 127.0.0.1:%(port)d;
        client_max_body_size 25m;
        proxy_read_timeout 300s;

        location /model/ {
            genai bedrock;
            proxy_pass http://127.0.0.1:%(sim)d;
        }
        location /tenant/ {
            genai bedrock;
            genai_span_attr tenant $http_x_tenant;
            genai_budget zone=tenant class=batch:100%%;
            rewrite ^/tenant(.*)$ $1 break;
            proxy_pass http://127.0.0.1:%(sim)d;
        }
        location /dry/ {
            genai bedrock;
            genai_budget 1req/day;
            genai_budget_dry_run on;
            rewrite ^/dry(.*)$ $1 break;
            proxy_pass http://127.0.0.1:%(sim)d;
        }
        location /unsampled/ {
            genai bedrock;
            genai_sample 0;
            genai_budget zone=tenant;
            rewrite ^/unsampled(.*)$ $1 break;
            proxy_pass http://127.0.0.1:%(sim)d;
        }
        location /budgets { genai_budget_api; allow 127.0.0.1; deny all; }
    }
}
'''

CALLS = 40

SONNET = 'us.anthropic.claude-sonnet-4-20250514-v1:0'

# as the Collector's JSON shows them: integers are strings there
CHAT = {
    'gen_ai.operation.name': {'stringValue': 'chat'},
    'gen_ai.provider.name': {'stringValue': 'aws.bedrock'},
    'gen_ai.system': {'stringValue': 'aws.bedrock'},
    'gen_ai.request.model': {'stringValue': SONNET},
    'gen_ai.request.max_tokens': {'intValue': '512'},
    'gen_ai.request.temperature': {'doubleValue': 0.2},
    'gen_ai.request.stream': {'boolValue': True},
    'gen_ai.request.stop_sequences': {'arrayValue': {'values': [
        {'stringValue': 'END'}, {'stringValue': 'STOP'}]}},
    'gen_ai.response.finish_reasons': {'arrayValue': {'values': [
        {'stringValue': 'tool_call'}]}},
    'gen_ai.response.time_to_first_chunk': {'doubleValue': 0.25},
    'gen_ai.usage.input_tokens': {'intValue': '1200'},
    'gen_ai.usage.output_tokens': {'intValue': '101'},
    'gen_ai.usage.cache_read.input_tokens': {'intValue': '1000'},
    'gen_ai.usage.cache_write.input_tokens': {'intValue': '0'},
    'gen_ai.usage.cache_creation.input_tokens': {'intValue': '0'},
    'gen_ai.usage.cost': {'doubleValue': 2.415300000001},
    'genai.cost.usd': {'doubleValue': 2.415300000001},
    'genai.cost.pico_usd': {'intValue': '2415300000001'},
    'genai.total_tokens': {'intValue': '1301'},
    'genai.tools': {'arrayValue': {'values': [
        {'stringValue': 'get_weather'}, {'stringValue': 'search'}]}},
    'genai.usage.complete': {'boolValue': True},
    'user.id': {'stringValue': 'grüß'},
    'server.port': {'intValue': '443'},
    'tenant': {'stringValue': 'acme'},
    'shard': {'intValue': '17'},
    'odd "key"': {'stringValue': 'a\\b\n\ufffd\t日'},
}


def read(text):
    """(spans by id, data points by metric, resources) of JSON lines"""

    spans, metrics, resources = {}, [], []

    for line in text.splitlines():
        data = json.loads(line)
        for r in data.get('resourceSpans', []):
            resources.append(r['resource'])
            for scope in r['scopeSpans']:
                for s in scope['spans']:
                    s['scope'] = scope['scope']
                    spans[s['spanId']] = s
        if 'resourceMetrics' in data:
            found = {}
            for r in data['resourceMetrics']:
                for scope in r['scopeMetrics']:
                    for m in scope['metrics']:
                        found[m['name']] = m
            metrics.append(found)

    return spans, metrics, resources


def attributes(span):
    return {a['key']: a['value'] for a in span['attributes']}


def total(metric):
    data = metric.get('sum') or metric.get('histogram')
    return sum(float(p.get('asDouble', p.get('asInt', p.get('count', 0))))
               for p in data['dataPoints'])


def check_spans(spans, resources):
    tap.equal(sorted(spans), ['1010101010101001', '1010101010101002',
                              '1010101010101003'], 'three spans')

    s = spans['1010101010101001']
    tap.equal(s['traceId'], 'ab' * 16, 'trace id')
    tap.equal(s['parentSpanId'], '20' * 8, 'parent id')
    tap.equal(s['name'], 'chat ' + SONNET, 'name')
    tap.equal(s['kind'], 3, 'kind')
    tap.equal(s['flags'], 0x303, 'flags')
    tap.equal(s['traceState'], 'vendor=1', 'trace state')
    tap.equal(s['startTimeUnixNano'], '1790000000000000001', 'start')
    tap.equal(s['endTimeUnixNano'], '1790000002000000008', 'end')
    tap.equal(s['status'], {}, 'status unset')
    tap.equal(s['scope'], {'name': 'ngx_http_genai_module',
                           'version': '0.1'}, 'scope')

    got = attributes(s)
    for key in CHAT:
        tap.equal(got.get(key), CHAT[key], key)
    tap.equal(len(got), len(s['attributes']), 'no key comes twice')

    s = attributes(spans['1010101010101002'])
    tap.equal(s['gen_ai.usage.input_tokens'],
              {'intValue': '9007199254740993'}, 'integers above 2^53')
    tap.equal(s['gen_ai.embeddings.dimension.count'], {'intValue': '1024'},
              'dimension')
    tap.equal(s['genai.cost.usd'], {'doubleValue': 0}, 'a cost of nothing')

    s = spans['1010101010101003']
    tap.equal(s['status'], {'message': 'Too many requests', 'code': 2},
              'status of the failed one')
    tap.equal(attributes(s)['error.type'],
              {'stringValue': 'ThrottlingException'}, 'error.type')

    tap.equal({a['key']: a['value']['stringValue']
               for a in resources[0]['attributes']},
              {'service.name': 'gateway', 'service.version': '1.2'},
              'resource')


def check_metrics(metrics, delta):
    kind = 'delta' if delta else 'cumulative'

    if not tap.equal(len(metrics), 2, kind + ': two reports'):
        return

    first, second = metrics

    for name, before, after in (
            ('genai.requests', 3, 4),
            ('genai.cost.usd', 2.415300000001, 4.830600000002),
            ('gen_ai.client.inference.duration', 2, 3),
            ('gen_ai.client.embeddings.duration', 1, 1),
            ('genai.errors', 1, 1)):
        tap.ok(name in first and abs(total(first[name]) - before) < 1e-11,
               '%s: %s is %s' % (kind, name, before), first.get(name))

        if not delta:
            tap.ok(name in second
                   and abs(total(second[name]) - after) < 1e-11,
                   '%s: then %s' % (kind, after), second.get(name))
        elif after == before:
            tap.ok(name not in second, '%s: unchanged is not sent' % kind)
        else:
            tap.ok(name in second
                   and abs(total(second[name]) - (after - before)) < 1e-11,
                   '%s: then %s' % (kind, after - before), second.get(name))

    m = second['genai.requests']['sum']
    tap.equal(m['aggregationTemporality'], 1 if delta else 2,
              kind + ': temporality')
    tap.equal(m['isMonotonic'], True, kind + ': monotonic')

    start = first['genai.requests']['sum']['dataPoints'][0]
    then = m['dataPoints'][0]
    tap.equal(then['startTimeUnixNano'],
              start['timeUnixNano'] if delta else start['startTimeUnixNano'],
              kind + ': where the interval begins')


def take(path):
    """what the collector wrote since the last time"""

    if not os.path.exists(path):
        return ''
    with open(path, encoding='utf-8') as f:
        text = f.read()
    os.unlink(path)

    return text


def check_sinks(tmp, port, lines):
    """known calls through our sinks, without nginx"""

    for args in (['gzip', 'cumulative'], ['plain', 'delta']):
        path = os.path.join(tmp, args[0] + '.jsonl')
        done = subprocess.run(
            [SEND, 'http://127.0.0.1:%d' % port, path] + args,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        tap.ok(done.returncode == 0, ' '.join(args) + ': all taken',
               done.stdout.decode())

        spans, metrics, resources = read(take(lines))
        check_spans(spans, resources)
        check_metrics(metrics, 'delta' in args)
        same_spans(path, spans, resources)


def same_spans(path, spans, resources):
    """the lines of the file sink are the same spans to a collector"""

    with open(path, 'rb') as f:
        again = subprocess.run([OTELCOL, 'lines'], stdin=f,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tap.ok(again.returncode == 0,
           'the collector reads the lines of the file sink',
           again.stderr.decode())

    mine, _, same = read(again.stdout.decode())
    tap.equal(sorted(mine), sorted(spans), 'both sinks have the same ids')
    different = []
    for key in spans:
        for s in (mine.get(key, {}), spans[key]):
            s.get('attributes', []).sort(key=lambda a: a['key'])
        if mine.get(key) != spans[key]:
            different.append('%s\n%s' % (mine.get(key), spans[key]))
    tap.ok(not different, 'and say the same of each', different[:1])
    tap.equal(same[:1], resources[:1], 'and of the resource')


def records(text):
    """log records, each with the resource and scope that it came in"""

    found = []

    for line in text.splitlines():
        for r in json.loads(line).get('resourceLogs', []):
            for scope in r['scopeLogs']:
                found += [dict(record, resource=r['resource'],
                               scope=scope['scope'])
                          for record in scope['logRecords']]

    return found


def post(port, path, what, headers={}):
    request = urllib.request.Request(
        'http://127.0.0.1:%d%s' % (port, path), json.dumps(what).encode(),
        dict(headers, **{'Content-Type': 'application/json'}))
    with urllib.request.urlopen(request, timeout=20) as answer:
        answer.read()


def converse(port, n, where='', tenant=''):
    post(port, '%s/model/%s/converse' % (where, SONNET.replace(':', '%3A')),
         {'messages': [{'role': 'user', 'content': [
              {'text': 'hello number %d' % n}]}],
          'inferenceConfig': {'maxTokens': 100 + n}}, {'X-Tenant': tenant})


def refused(port, where, tenant):
    """what the caller is told"""

    try:
        converse(port, 0, where, tenant)
    except urllib.error.HTTPError as e:
        with e:
            return json.load(e)['message']

    return 'nothing, it was admitted'


@contextlib.contextmanager
def served(tmp, collector, temporality='cumulative'):
    """nginx, the port it listens on, and the simulator behind it"""

    os.mkdir(tmp)
    port = harness.free_port()
    simulator = harness.Simulator(tmp)

    try:
        nginx = harness.Nginx(tmp, NGINX % {
            'module': harness.find_module(), 'root': ROOT, 'tmp': tmp,
            'collector': collector, 'port': port, 'sim': simulator.port,
            'temporality': temporality}, [port])
        try:
            yield nginx, port, simulator
        finally:
            nginx.stop()
    finally:
        simulator.stop()


def check_nginx(tmp, collector, lines, temporality):
    """calls through nginx arrive, with the simulator's own tokens"""

    tmp = os.path.join(tmp, temporality)

    with served(tmp, collector, temporality) as (nginx, port, simulator):
        for n in range(CALLS):
            converse(port, n)
            if n == CALLS // 4:
                time.sleep(1)               # a report in the middle
            if n == CALLS // 2:             # and another helper
                nginx.process.send_signal(signal.SIGHUP)
                time.sleep(1.5)

        nginx.stop()
        known = simulator.calls()

    spans, metrics, resources = read(take(lines))
    tap.equal(len(spans), CALLS, temporality + ': every call arrived')

    for key in ('input', 'output'):
        name = 'gen_ai.usage.%s_tokens' % key
        tap.equal(sum(int(attributes(s)[name]['intValue'])
                      for s in spans.values()),
                  sum(c['usage'][key] for c in known),
                  '%s: the simulator\'s %s tokens' % (temporality, key))

    same_spans(os.path.join(tmp, 'spans.jsonl'), spans, resources)

    counts = [total(m['genai.requests']) for m in metrics
              if 'genai.requests' in m]
    tap.note('requests in each report: %s' % counts)
    tap.ok(len(counts) > 1
           and (sum(counts) if temporality == 'delta' else counts[-1])
           == CALLS, '%s: metrics say %d calls' % (temporality, CALLS),
           counts)
    tap.no_alerts(nginx)


def check_refusals(tmp, collector, lines):
    """what budgets refused: an event of the span, and a log record"""

    tmp = os.path.join(tmp, 'refusals')

    with served(tmp, collector) as (nginx, port, _):
        converse(port, 0, '/tenant', 'a')
        told = refused(port, '/tenant', 'a')
        converse(port, 0, '/dry')
        converse(port, 0, '/dry')
        refused(port, '/unsampled', 'a')
        post(port, '/budgets', {'zone': 'tenant', 'key': 'a', 'add': '5req',
                                'until': '1h', 'reason': 'launch'})

    text = take(lines)
    logs = records(text)
    spans, _, resources = read(text)

    refusal = {'genai.budget.status': 'REJECTED',
               'genai.budget.zone': 'tenant',
               'genai.budget.limit': '1req/day',
               'genai.budget.class': 'batch'}
    would = {'genai.budget.status': 'REJECTED_DRY_RUN',
             'genai.budget.zone': '/dry/', 'genai.budget.limit': '1req/day'}

    events = {e['attributes'][0]['value']['stringValue']: (e, s)
              for s in spans.values() for e in s.get('events', [])}
    tap.equal(sorted(events), ['REJECTED', 'REJECTED_DRY_RUN'],
              'refusals are events of their spans')

    for status, wanted in (('REJECTED', refusal), ('REJECTED_DRY_RUN', would)):
        event = events[status][0]
        tap.equal((event['name'], strings(event)),
                  ('genai.budget.rejected', wanted), status + ': the event')

    # two workers' lanes are not emptied in the order of the calls
    logs.sort(key=lambda r: strings(r)['genai.location'])

    if not tap.equal([(strings(r)['genai.location'], r['eventName'])
                      for r in logs],
                     [('/budgets', 'genai_budget raise'),
                      ('/dry/', 'genai.budget.rejected'),
                      ('/tenant/', 'genai.budget.rejected'),
                      ('/unsampled/', 'genai.budget.rejected')],
                     'a log record for each, and for the raise'):
        return

    raising, dry, tenant, unsampled = logs
    model = {'gen_ai.request.model': SONNET}
    check_record(tenant, events['REJECTED'], ('WARN', 13, told),
                 dict(refusal, **model, **{'genai.location': '/tenant/',
                                           'tenant': 'a'}), 'refused')
    check_record(dry, events['REJECTED_DRY_RUN'],
                 ('INFO', 9, 'a budget would have refused a call'),
                 dict(would, **model, **{'genai.location': '/dry/'}),
                 'dry run')

    tap.ok(unsampled['spanId'] not in spans and unsampled['flags'] & 1 == 0
           and unsampled['body'] == {'stringValue': told},
           'one that is not sampled has a record and no span', unsampled)

    span = spans.get(raising['spanId'], {})
    tap.equal((span.get('name'), span.get('kind')),
              ('genai_budget raise', 2), 'the raise has a span of its own')
    tap.equal({k: v for k, v in strings(raising).items() if 'budget' in k
               and k != 'genai.budget.until'},
              {'genai.budget.zone': 'tenant', 'genai.budget.key': 'a',
               'genai.budget.add': '5req', 'genai.budget.reason': 'launch'},
              'and a record that says what was raised')

    tap.ok(all(r['resource'] == resources[0] for r in logs),
           'records come with the resource of spans', logs[:1])
    tap.ok(all(r['scope'] == s['scope'] for r in logs
               for s in spans.values()), 'and their scope', logs[:1])

    same_spans(os.path.join(tmp, 'spans.jsonl'), spans, resources)
    tap.no_alerts(nginx)


def strings(what):
    return {k: v['stringValue'] for k, v in attributes(what).items()}


def check_record(record, of, said, wanted, name):
    event, span = of

    tap.equal((record['traceId'], record['spanId'], record['flags']),
              (span['traceId'], span['spanId'], span['flags'] & 0xff),
              name + ': the ids of its span')
    tap.equal((record['timeUnixNano'], record['observedTimeUnixNano']),
              (event['timeUnixNano'],) * 2, name + ': the time of its event')
    tap.equal((record['severityText'], record['severityNumber'],
               record['body']), said[:2] + ({'stringValue': said[2]},),
              name + ': how severe, and the words that the caller got')
    tap.equal(strings(record), wanted, name + ': its attributes')


def main():
    if not os.path.exists(OTELCOL) or not os.path.exists(SEND):
        print('1..0 # SKIP t/otelcol/build.sh was not run')
        return

    with tempfile.TemporaryDirectory(prefix='otelcol-') as tmp:
        port = harness.free_port()
        lines = os.path.join(tmp, 'lines')
        log = open(os.path.join(tmp, 'log'), 'w+')
        conf = os.path.join(tmp, 'conf.yaml')

        with open(conf, 'w') as f:
            f.write(CONF % (port, lines))

        collector = subprocess.Popen([OTELCOL, '--config', 'file:' + conf],
                                     stdout=log, stderr=log)
        try:
            harness.wait_for('collector', 15, lambda: harness.listening(port)
                             or collector.poll() is not None)
            if not tap.ok(collector.poll() is None, 'the collector runs'):
                log.seek(0)
                tap.note(log.read())
                return tap.done()

            check_sinks(tmp, port, lines)

            if harness.find_module():
                check_nginx(tmp, port, lines, 'cumulative')
                check_nginx(tmp, port, lines, 'delta')
                check_refusals(tmp, port, lines)

            log.seek(0)
            tap.equal(log.read(), '', 'the collector complains of nothing')

        finally:
            collector.terminate()
            collector.wait(20)
            log.close()

    tap.done()


main()
