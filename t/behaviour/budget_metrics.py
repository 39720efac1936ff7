#!/usr/bin/env python3
"""What budgets show outside: metrics over reloads, also with one process, the
spans of calls that they admitted, warned of and refused, in a file, and log
records of refusals, at a receiver of OTLP.
"""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness
import spans

HTTP = '''
    access_log off;
    genai_exporter file { path logs/spans.jsonl; interval 100ms; }
    genai_exporter otlp both {
        endpoint http://127.0.0.1:%(otlp)d;
        signals traces logs; compression off; interval 100ms;
    }
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=%(limit)s limit=9usd/day
                      state=%(prefix)s/tenant.state interval=1s;

    server {
        listen 127.0.0.1:%(port)d;
        location /model/ {
            genai bedrock;
            genai_budget zone=tenant class=batch:100%% warn=50%%;
            add_header X-Trace $genai_trace_id always;
            proxy_pass http://127.0.0.1:%(up)d;
        }
        location /dry/ {
            genai bedrock;
            genai_budget 1req/day;
            genai_budget_dry_run on;
            add_header X-Trace $genai_trace_id always;
            rewrite ^/dry(.*)$ $1 break;
            proxy_pass http://127.0.0.1:%(up)d;
        }
        location /unsampled/ {
            genai bedrock;
            genai_sample 0;
            genai_budget 1req/day;
            rewrite ^/unsampled(.*)$ $1 break;
            proxy_pass http://127.0.0.1:%(up)d;
        }
        location /genai/ { genai_status; }
    }

    server {
        listen 127.0.0.1:%(up)d;
        location / {
            default_type application/json;
            return 200 '{"output":{"message":{"role":"assistant","content":[{"text":"Hi there"}]}},"stopReason":"end_turn","usage":{"inputTokens":25,"outputTokens":5,"totalTokens":30}}';
        }
    }
'''

BODY = json.dumps({
    'messages': [{'role': 'user', 'content': [{'text': 'hi'}]}],
    'inferenceConfig': {'maxTokens': 10}}).encode()


class Receiver(http.server.ThreadingHTTPServer):
    """keeps (path, body) of what it is sent"""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_POST(self):
            body = self.rfile.read(int(self.headers['Content-Length']))
            self.server.seen.append((self.path, body))
            self.send_response(200)
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *args):
            pass

    def __init__(self):
        self.seen = []
        super().__init__(('127.0.0.1', 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, path, word):
        return sum(body.count(word) for p, body in list(self.seen)
                   if p == path)


class Gateway:
    def __init__(self, prefix, otlp, master=''):
        self.prefix = prefix
        self.spare = 300
        self.port, self.up = harness.free_port(), harness.free_port()
        self.otlp, self.master = otlp, master
        self.nginx = harness.Nginx(prefix, self.conf('2req/day'),
                                   [self.port, self.up])

    def conf(self, limit):
        so = harness.find_module()
        return self.master + harness.CONF % dict(
            load='load_module %s;' % so if so else '', top=tap.TOP,
            prefix=self.prefix, http=HTTP % dict(
                prefix=self.prefix, port=self.port, up=self.up,
                otlp=self.otlp, limit=limit))

    def reload(self, limit):
        """the metrics, as soon as the new configuration shows"""
        with open(os.path.join(self.prefix, 'conf/nginx.conf'), 'w') as f:
            f.write(self.conf(limit))
        want = int(limit.split('req')[0])

        def look():
            found = self.metrics()
            return found.get('limit{zone="tenant",unit="req",window="day"}'
                             ) == want and found

        # one process alone has, after a reload, no connections but those
        # that were open before; and it closes idle ones when it has few
        spare = [socket.create_connection(('127.0.0.1', self.port))
                 for _ in range(self.spare)]
        self.spare //= 3
        self.metrics()
        self.nginx.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        for s in spare:
            s.close()
        return harness.wait_for('the reload', 10, look)

    def post(self, where='', tenant='a'):
        """status and trace id"""
        request = urllib.request.Request(
            'http://127.0.0.1:%d%s/model/anthropic.claude-haiku-4-5-20251001'
            '-v1%%3A0/converse' % (self.port, where), BODY,
            {'X-Tenant': tenant, 'Content-Type': 'application/json'})
        try:
            r = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as e:
            r = e
        with r:
            r.read()
            return r.status, r.headers.get('X-Trace')

    def metrics(self):
        text = harness.get('http://127.0.0.1:%d/genai/metrics' % self.port)
        return {m[1]: float(m[2]) for m in re.finditer(
            r'^genai_(?:budget_)?(\S+) (\S+)$', text, re.M)}

    def span(self, trace):
        """attributes, and the whole span"""
        def look():
            path = os.path.join(self.prefix, 'logs/spans.jsonl')
            if not os.path.exists(path):
                return None
            for line in open(path, encoding='utf-8'):
                for s in json.loads(line)['resourceSpans'][0][
                        'scopeSpans'][0]['spans']:
                    if s['traceId'] == trace:
                        return spans.attributes(s['attributes']), s
            return None
        return harness.wait_for('the span ' + trace, 10, look)


def spent(m):
    return m.get('spent{zone="tenant",unit="req",window="day"}')


def reloads(gw, how):
    gw.post()
    before = gw.metrics()
    tap.equal(spent(before), 1, how + ': a call is spent')

    after = gw.reload('3req/day')
    tap.equal(spent(after), 1, how + ': and still is after a reload')
    tap.equal(after['remaining{zone="tenant",unit="req",window="day"}'], 2,
              how + ': under the new limit')
    tap.equal(after['admissions_total{zone="tenant",status="passed"}'], 1,
              how + ': counters go on')

    gw.post()
    after = gw.reload('4req/day')
    tap.equal(spent(after), 2, how + ': again')
    tap.equal(after['open{zone="tenant"}'], 0,
              how + ': nothing is left open')


def snapshot(gw):
    gw.post(tenant='b')
    at = harness.wait_for('a snapshot', 10, lambda: gw.metrics().get(
        'snapshot_timestamp_seconds{zone="tenant"}'))
    tap.ok(at > 1700000000, 'the time of the last snapshot', at)


def calls(gw):
    first, trace = gw.post(tenant='s')
    attributes, whole = gw.span(trace)
    tap.equal((first, attributes.get('genai.budget.status')),
              (200, 'PASSED'), 'an admitted call says so')
    tap.equal((attributes.get('genai.budget.zone'),
               attributes.get('genai.budget.class')), ('tenant', 'batch'),
              'with zone and class')
    tap.ok(attributes.get('genai.budget.reserved.usd', 0)
           > attributes['genai.cost.usd'] > 0,
           'it reserved more than it cost', attributes)
    tap.ok('genai.budget.warned' not in attributes and 'events' not in whole,
           'there was nothing to warn of')

    attributes, _ = gw.span(gw.post(tenant='s')[1])
    tap.equal(attributes.get('genai.budget.warned'), True,
              'the call that took the limit to its warning says so')

    gw.post(tenant='s')
    gw.post(tenant='s')
    status, trace = gw.post(tenant='s')
    attributes, whole = gw.span(trace)
    tap.equal((status, attributes.get('genai.budget.status')),
              (402, 'REJECTED'), 'a refused call')
    tap.equal(attributes.get('genai.budget.limit'), '4req/day',
              'says by which limit')
    tap.equal((attributes.get('error.type'),
               attributes.get('genai.error.origin'),
               whole['status'].get('code')),
              ('budget_exceeded', 'gateway', 2), 'it failed, at the gateway')
    tap.equal([(e['name'], spans.attributes(e['attributes'])) for e in whole.get('events', [])],
              [('genai.budget.rejected',
                {'genai.budget.status': 'REJECTED',
                 'genai.budget.zone': 'tenant',
                 'genai.budget.limit': '4req/day',
                 'genai.budget.class': 'batch'})], 'its event')
    at = int(whole['events'][0]['timeUnixNano'])
    tap.ok(int(whole['startTimeUnixNano']) <= at
           <= int(whole['endTimeUnixNano']), 'of a time within the span')

    gw.post('/dry')
    status, trace = gw.post('/dry')
    attributes, whole = gw.span(trace)
    tap.equal((status, attributes.get('genai.budget.status'),
               'error.type' in attributes),
              (200, 'REJECTED_DRY_RUN', False),
              'a call that a dry run let pass did not fail')
    tap.equal([e['name'] for e in whole.get('events', [])],
              ['genai.budget.rejected'], 'and has the event')

    status, trace = gw.post(tenant='')
    attributes, _ = gw.span(trace)
    tap.equal((status, attributes.get('genai.error.message')),
              (402, "Budget 'tenant': the call has no key"),
              'where no limit refuses, the message says why')


def logs(gw, receiver):
    name = b'genai.budget.rejected'
    harness.wait_for('the log record of a refusal', 10,
                     lambda: receiver.count('/v1/logs', b'4req/day'))
    tap.ok(receiver.count('/v1/logs', b"Budget 'tenant' exhausted: 4 requests"
                          b' of 4 requests spent'),
           'a refusal is a log record, in the words that its caller got')
    tap.ok(receiver.count('/v1/logs', b'a budget would have refused a call'),
           'that of a dry run says so')

    before = receiver.count('/v1/logs', name)
    spans_before = receiver.count('/v1/traces', name)
    gw.post('/unsampled')
    gw.post('/unsampled')
    harness.wait_for('the log record of a call that is not sampled', 10,
                     lambda: receiver.count('/v1/logs', name) > before)
    tap.equal(receiver.count('/v1/logs', name), before + 1,
              'a refused call has one also where none is sampled')
    tap.equal(receiver.count('/v1/traces', name), spans_before,
              'and no span')

    def settled():
        m = gw.metrics()
        records, acked = (m['export_%s_total{sink="both"}' % w]
                          for w in ('records', 'acked'))
        return records == acked and records
    tap.ok(harness.wait_for('all to be confirmed', 10, settled),
           'each record is counted once')


def main():
    receiver = Receiver()
    for how, master in (('processes', ''),
                        ('one process', 'master_process off;')):
        prefix = tempfile.mkdtemp(prefix='genai-budget-metrics-')
        gw = Gateway(prefix, receiver.server_address[1], master)
        try:
            reloads(gw, how)
            if not master:
                snapshot(gw)
                calls(gw)
                logs(gw, receiver)
            tap.no_alerts(gw.nginx, how + ': nothing above error is logged')
        finally:
            gw.nginx.stop()
            shutil.rmtree(prefix, ignore_errors=True)

    receiver.shutdown()
    tap.done()


if __name__ == '__main__':
    main()
