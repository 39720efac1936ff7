#!/usr/bin/env python3
"""genai_budget_api over time: a raise ends when it must, survives a reload
and a restart, and is exported as a span that no metric counts as a call.
"""

import http.client
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness

HAIKU = 'anthropic.claude-haiku-4-5-20251001-v1:0'
PATH = '/model/%s/converse' % HAIKU.replace(':', '%3A')
ASK = json.dumps({'messages': [{'role': 'user', 'content': [{'text': 'hi'}]}],
                  'inferenceConfig': {'maxTokens': 10}})
ANSWER = json.dumps({
    'output': {'message': {'role': 'assistant',
                           'content': [{'text': 'Hi there'}]}},
    'stopReason': 'end_turn', 'metrics': {'latencyMs': 12},
    'usage': {'inputTokens': 25, 'outputTokens': 5, 'totalTokens': 30}})

HTTP = '''
    access_log off;
    genai_exporter file { path logs/spans.jsonl; interval 100ms; }
    genai_budget_zone $http_x_tenant zone=tenant:4m limit=1req/day
                      state=tenant.state interval=1s;

    server {
        listen 127.0.0.1:%(up)d;
        location / { default_type application/json; return 200 '%(answer)s'; }
    }
    server {
        listen 127.0.0.1:%(port)d;
        keepalive_requests 100000;
        location /model/ {
            genai bedrock;
            genai_budget zone=tenant;
            proxy_pass http://127.0.0.1:%(up)d;
        }
        location /budgets { genai_budget_api; }
        location /metrics { genai_status metrics; }
    }
'''


class Gateway:
    def __init__(self, port):
        self.port = port
        self.kept = None

    def ask(self, method, path, body=None, headers=None, kept=False):
        """status and body"""
        c = self.kept if kept and self.kept else http.client.HTTPConnection(
            '127.0.0.1', self.port, timeout=20)
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        out = r.status, r.read().decode()
        if kept:
            self.kept = c
        else:
            c.close()
        return out

    def call(self, tenant):
        return self.ask('POST', PATH, ASK, {
            'X-Tenant': tenant, 'Content-Type': 'application/json'})[0]

    def budget(self, key):
        """the first limit of a key"""
        status, body = self.ask('GET', '/budgets?zone=tenant&key=' + key)
        assert status == 200, body
        keys = json.loads(body)['zones'][0]['keys']
        return keys[0]['limits'][0] if keys else None

    def raises(self, key, kept=False, **more):
        q = dict(zone='tenant', key=key, add='1req', until='1h',
                 reason='launch day')
        q.update(more)
        return self.ask('POST', '/budgets', json.dumps(q),
                        {'Content-Type': 'application/json'}, kept)


def spans(prefix):
    """name, kind and attributes of each exported span"""
    path = os.path.join(prefix, 'logs/spans.jsonl')
    if not os.path.exists(path):
        return []
    out = []
    with open(path) as f:
        for line in f:
            for resource in json.loads(line)['resourceSpans']:
                for scope in resource['scopeSpans']:
                    for s in scope['spans']:
                        out.append((s['name'], s['kind'], {
                            a['key']: list(a['value'].values())[0]
                            for a in s['attributes']}))
    return out


def ends_by_itself(g):
    tap.equal([g.call('short'), g.call('short')], [200, 402],
              'the second call of a day is refused')
    g.raises('short')
    tap.equal(g.call('short'), 200, 'a raise admits one at once')
    raised = g.budget('short')['raised']
    g.raises('short', add='5req', until='1s')
    time.sleep(2)
    tap.equal([raised, g.budget('short')['raised'], g.call('short')],
              [1, 0, 402],
              'a later raise takes its place, and when it ends all is as before')


def reload(g, nginx):
    g.call('long')
    g.raises('long', add='3req')
    before = g.budget('long')
    old = workers(nginx)
    nginx.process.send_signal(signal.SIGHUP)
    harness.wait_for('a new worker', 10, lambda: workers(nginx) - old)
    tap.equal({k: g.budget('long')[k] for k in ('raised', 'raised_until')},
              {k: before[k] for k in ('raised', 'raised_until')},
              'a reload keeps a raise')
    tap.equal(g.call('long'), 200, 'and it still admits')


def workers(nginx):
    with open('/proc/%d/task/%d/children' % (nginx.process.pid,
                                             nginx.process.pid)) as f:
        return set(f.read().split())


def snapshot(g, prefix):
    """a raise alone is a change that is worth a snapshot"""
    path = os.path.join(prefix, 'spool/tenant.state')
    harness.wait_for('a snapshot', 10, lambda: os.path.exists(path))
    time.sleep(1.5)
    before = os.stat(path).st_ino
    g.raises('saved', add='2req')
    harness.wait_for('a snapshot of the raise', 10,
                     lambda: os.stat(path).st_ino != before)
    zone = json.loads(g.ask('GET', '/budgets')[1])['zones'][0]
    tap.ok(zone['snapshot'] and zone['state'] == path,
           'a raise is saved within the interval, and the list says when', zone)


def restart(g, nginx, make):
    before = g.budget('long')
    nginx.stop()
    nginx = make()
    after = g.budget('long')
    tap.equal([after['raised'], after['raised_until'], after['spent']],
              [before['raised'], before['raised_until'], before['spent']],
              'a restart keeps a raise by way of the state file')
    tap.equal([g.call('long'), g.call('long'), g.call('long')],
              [200, 200, 402], 'and no more than what was left is admitted')
    return nginx


def chunks(g):
    def parts(reason):
        q = {'zone': 'tenant', 'key': 'chunked', 'add': '1req', 'until': '1h',
             'reason': reason}
        text = json.dumps(q).encode()
        for i in range(0, len(text), 1000):
            yield text[i:i + 1000]

    kind = {'Content-Type': 'application/json'}
    tap.equal(g.ask('POST', '/budgets', parts('x' * 3000), kind)[0], 200,
              'a body in chunks is read')
    status, body = g.ask('POST', '/budgets', parts('x' * 20000), kind)
    tap.ok(status == 413 and 'shorten' in json.loads(body)['error'],
           'one of more than 16384 bytes is refused', (status, body))


def event(g, prefix):
    g.raises('ac"me', add='2req', reason='launch\nday')
    found = harness.wait_for('the span of a raise', 10, lambda: [
        s for s in spans(prefix) if s[2].get('genai.budget.key') == 'ac"me'])
    name, kind, a = found[0]
    tap.equal([name, kind], ['genai_budget raise', 2],
              'a raise is exported as a span of its own')
    until = a.pop('genai.budget.until', '')
    tap.equal({k: a.get(k) for k in (
        'genai.budget.zone', 'genai.budget.key', 'genai.budget.add',
        'genai.budget.reason', 'client.address', 'http.request.method',
        'http.response.status_code', 'genai.location')},
        {'genai.budget.zone': 'tenant', 'genai.budget.key': 'ac"me',
         'genai.budget.add': '2req', 'genai.budget.reason': 'launch\nday',
         'client.address': '127.0.0.1', 'http.request.method': 'POST',
         'http.response.status_code': '200', 'genai.location': '/budgets'},
        'with what was raised, why, and from where')
    tap.ok(len(until) == 20 and until.endswith('Z'), 'and until when', until)
    tap.ok('location="/budgets"' not in g.ask('GET', '/metrics')[1],
           'no metric counts it as a call')


def many(g):
    for i in range(1500):
        status, body = g.raises('many-%04d' % i, kept=True)
        assert status == 200, body
    status, body = g.ask('GET', '/budgets?top=1000')
    zone = json.loads(body)['zones'][0]
    tap.ok(len(zone['keys']) == 1000
           and zone['keys_left_out'] == zone['keys_used'] - 1000 >= 500,
           'of many keys no more are shown than asked for, and the rest is '
           'counted', (len(zone['keys']), zone['keys_left_out']))
    share = [(k['limits'][0]['spent'] + k['limits'][0]['reserved'])
             / (k['limits'][0]['amount'] + k['limits'][0]['raised'])
             for k in zone['keys']]
    tap.ok(share == sorted(share, reverse=True) and share[0] > 0,
           'those that have used most come first')


def main():
    prefix = tempfile.mkdtemp(prefix='genai-budget-api-')
    port, up = harness.free_port(), harness.free_port()
    module = harness.find_module()
    conf = harness.CONF % {
        'load': 'load_module %s;' % module if module else '',
        'top': harness.TOP, 'prefix': prefix,
        'http': HTTP % {'port': port, 'up': up, 'answer': ANSWER}}

    def make():
        return harness.Nginx(prefix, conf, [port, up])

    nginx = make()
    g = Gateway(port)
    try:
        ends_by_itself(g)
        chunks(g)
        event(g, prefix)
        reload(g, nginx)
        snapshot(g, prefix)
        nginx = restart(g, nginx, make)
        many(g)
        tap.ok(nginx.errors().count('raised by') > 1500,
               'each raise has its line in the log')
        tap.no_alerts(nginx)
    finally:
        nginx.stop()
        shutil.rmtree(prefix, ignore_errors=True)
    tap.done()


if __name__ == '__main__':
    main()
