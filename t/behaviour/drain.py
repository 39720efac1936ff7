#!/usr/bin/env python3
"""genai_drain: the client leaves in the middle, the upstream is read to its
end, and the call is settled at what the provider says, which is what the
simulator's own meter says.
"""

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import edges
import wire
import harness
import prices

TABLE = prices.Prices(os.path.join(tap.TOP, 'conf.examples', 'prices.json'))

HTTP = '''
    genai_exporter file { path logs/spans.jsonl; interval 100ms; }
    genai_region us-east-1;

    log_format facts escape=json '{"name":"$http_x_name",'
        '"status":"$status","in":"$genai_input_tokens",'
        '"out":"$genai_output_tokens","src":"$genai_usage_source",'
        '"error":"$genai_error","cost":"$genai_cost",'
        '"stop":"$genai_stop_reason","trace":"$genai_trace_id"}';
    access_log logs/facts.log facts;

    proxy_set_header Connection "";
    genai auto;
    genai_drain time=20s size=64m;

    upstream sim { server 127.0.0.1:%(sim)d; keepalive %(keepalive)d; }

    server {
        listen 127.0.0.1:%(h1)d sndbuf=16k;
        listen 127.0.0.1:%(h2)d http2 sndbuf=16k;

        location /on/ { proxy_pass http://sim; }
        location /off/ { proxy_buffering off; proxy_pass http://sim; }
        location /time/ { genai_drain time=300ms; proxy_pass http://sim; }
        location /time/off/ {
            genai_drain time=300ms; proxy_buffering off;
            proxy_pass http://sim;
        }
        location /size/ { genai_drain size=3k; proxy_pass http://sim; }
        location /size/off/ {
            genai_drain size=3k; proxy_buffering off; proxy_pass http://sim;
        }
        location /none/ { genai_drain off; proxy_pass http://sim; }
        location /ignore/ {
            proxy_ignore_client_abort on; proxy_pass http://sim;
        }
        location /raw/ {
            proxy_request_buffering off; proxy_pass http://sim;
        }
        location /mirror/ { mirror /nowhere; proxy_pass http://sim; }
        location = /nowhere { internal; genai off; return 204; }
        location /again/ {
            genai_drain off;
            proxy_intercept_errors on; error_page 429 = @again;
            proxy_pass http://sim;
        }
        location @again { proxy_pass http://sim; }
        location /away/ {
            error_page 502 = @away; proxy_pass http://unix:%(dead)s;
        }
        location @away { genai_drain off; proxy_pass http://sim; }
        location /hide/ { genai_include_usage on; proxy_pass http://sim; }
        location /zip/ {
            gzip on; gzip_types application/vnd.amazon.eventstream;
            gzip_proxied any; proxy_pass http://sim;
        }
    }
'''

KEEPALIVE = 8
HAIKU = 'anthropic.claude-haiku-4-5-20251001-v1:0'
ASK = {'messages': [{'role': 'user', 'content': [{'text': 'tell me'}]}]}
CHAT = {'messages': [{'role': 'user', 'content': 'tell me'}],
        'stream': True, 'max_tokens': 4000}
ESCAPED = HAIKU.replace(':', '%3A')

# path, body, how events are told apart
APIS = {
    'ConverseStream': ('/model/%s/converse-stream' % ESCAPED, ASK,
                       wire.frames),
    'InvokeModelWithResponseStream': (
        '/model/%s/invoke-with-response-stream' % ESCAPED,
        dict(CHAT, anthropic_version='bedrock-2023-05-31'), wire.frames),
    'Anthropic SSE': ('/v1/messages', dict(CHAT, model='anthropic.claude-sonnet-4-6'),
                      wire.events),
    'OpenAI SSE': ('/v1/chat/completions', dict(
        CHAT, model='openai.gpt-6.1-sol', stream_options={'include_usage': True}),
        wire.events),
}
WAYS = {'h1': wire.Http1, 'h2': wire.Http2}


class Gateway:
    def __init__(self, prefix, sim, ports):
        self.prefix = prefix
        self.log = edges.Log(os.path.join(prefix, 'logs', 'facts.log'))
        self.sim = sim
        self.ports = ports
        self.count = 0

    def call(self, way, where, api='ConverseStream', directive=None,
             body=None, path=None, **more):
        """(name, open call, split)"""
        self.count += 1
        name = '%s%s-%04d' % (way, where.replace('/', '-'), self.count)
        a_path, a_body, split = APIS[api]
        headers = [('X-Name', name), ('amz-sdk-invocation-id', name), ('X-Sim-Directive', json.dumps(
            dict({'events': 100, 'delay_ms': 4, 'seed': name},
                 **directive or {})))]
        call = WAYS[way](self.ports[way], where + (path or a_path),
                         json.dumps(body or a_body).encode(), headers, **more)
        return name, call, split

    def facts(self, name):
        """the line of the access log"""
        return self.log.find(name, seconds=30)

    def entry(self, name):
        """what the simulator knows of the call"""
        def look():
            for e in reversed(self.sim.calls()):
                if ('x-name', name) in [(k.lower(), v)
                                        for k, v in e['headers']] \
                        and e['outcome'] != 'open':
                    return e
        return harness.wait_for('the end of ' + name, 30, look)

    def span(self, trace):
        return edges.span(self.prefix, trace)

    def exact(self, name, status='200'):
        """what differs between the call as it was settled and the meter"""
        got, entry = self.facts(name), self.entry(name)
        if entry['outcome'] != 'ok':
            return '%s: upstream was left: %s' % (name, entry['outcome'])
        u = entry['usage']
        cost = TABLE.cost(entry['model'], u) / 10 ** 12
        want = {'in': str(u['input']), 'out': str(u['output']),
                'src': 'body', 'error': 'client_closed_request',
                'status': status}
        bad = {k: (got[k], v) for k, v in want.items() if got[k] != v}
        if abs(float(got['cost'] or 0) - float(cost)) > 1e-12:
            bad['cost'] = (got['cost'], float(cost))
        return '%s: %s' % (name, bad) if bad else ''


def parallel(jobs):
    """runs them all at once; what they returned"""
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(job) for job in jobs]]


def settled(gw, jobs, status='200'):
    """of calls that are left, by name: what is not exact"""
    return '\n'.join(filter(None, [gw.exact(name, status)
                                   for name in parallel(jobs)]))


def leave(gw, way, where, how, api='ConverseStream', at=10, body=None,
          **directive):
    def job():
        name, call, split = gw.call(way, where, api, directive, body)
        wire.read_events(call, at, split)
        getattr(call, how)()
        return name
    return job


EVERY = [(way, where, how) for way in WAYS for where in ('/on', '/off')
         for how in ('reset', 'close')]


def matrix(gw):
    for api in APIS:
        bad = settled(gw, [leave(gw, *e, api) for e in EVERY])
        tap.ok(not bad, api + ': left at event 10 of 100, settled at the '
               'simulator\'s meter, h1 and h2, buffered or not', bad)

    name = leave(gw, 'h1', '/on', 'reset')()
    attrs = gw.span(gw.facts(name)['trace'])
    tap.ok(attrs.get('genai.aborted') is True
           and attrs.get('genai.drained') is True
           and attrs.get('genai.usage.complete') is True
           and attrs.get('genai.error.origin') == 'client'
           and attrs.get('error.type') == 'client_closed_request',
           'its span is aborted, drained, and its usage complete', attrs)

    name, call, split = gw.call('h2', '/on')
    wire.read_events(call, 1000, split)
    got = gw.facts(name)
    tap.ok(got['error'] == '' and 'genai.drained' not in
           gw.span(got['trace']), 'a client that stays is not drained', got)


def early(gw, way, where, how, path=None, first_ms=400):
    def job():
        name, call, _ = gw.call(way, where, path=path, directive={
            'first_ms': first_ms, 'events': 20})
        time.sleep(0.1)
        getattr(call, how)()
        return name
    return job


def before_header(gw):
    bad = settled(gw, [early(gw, *e) for e in EVERY], '499')
    tap.ok(not bad, 'left before the head of the answer: the same, status '
           '499', bad)

    path = '/model/%s/converse' % ESCAPED
    bad = settled(gw, [early(gw, *e, path) for e in EVERY], '499')
    tap.ok(not bad, 'also of an answer that is no stream', bad)

    name, call, _ = gw.call(
        'h1', '/on', directive={'first_ms': 400},
        path='/model/amazon.titan-embed-text-v2%3A0/invoke',
        body={'inputText': 'tell me of the sea'})
    time.sleep(0.1)
    call.reset()
    got, entry = gw.facts(name), gw.entry(name)
    attrs = gw.span(got['trace'])
    tap.ok(got['in'] == str(entry['usage']['input'])
           and attrs.get('genai.usage.complete') is True,
           'an embedding, which has no stop reason, is complete', attrs)


def slow_client(gw):
    """buffers everywhere are full of what the client does not take"""
    big = {'events': 300, 'piece': 20000, 'delay_ms': 6}

    def slow(way, where, how):
        def job():
            name, call, split = gw.call(way, where, directive=big, small=True)
            wire.read_events(call, 3, split)
            time.sleep(0.7)
            getattr(call, how)()
            if (way, how) == ('h2', 'reset'):
                threading.Thread(target=call.conn.discard,
                                 daemon=True).start()
            return name
        return job

    bad = settled(gw, [slow(*e) for e in EVERY]
                  + [slow('h1', '/zip', how) for how in ('reset', 'close')])
    tap.ok(not bad, 'a slow client that leaves most of 6 MB unread: no byte '
           'is missed, in memory, in a file or in another filter', bad)


def neighbours(gw):
    conn = wire.Connection2(gw.ports['h2'])
    calls = [gw.call('h2', where, connection=conn)
             for where in ('/on', '/off', '/on', '/off')]
    for i, (_, call, split) in enumerate(calls):
        if i < 2:
            wire.read_events(call, 10, split)
            call.reset()
    bad = []
    for name, call, split in calls[2:]:
        got = wire.read_events(call, 1000, split)
        if not call.ended or len(got) != 104 or gw.facts(name)['error']:
            bad.append('%s: %d events' % (name, len(got)))
    bad += [x for x in (gw.exact(name) for name, _, _ in calls[:2]) if x]
    conn.sock.close()
    tap.ok(not bad, 'other streams of the connection are not disturbed',
           '\n'.join(bad))


def given_up(gw, jobs, sources=('estimate', 'partial')):
    """of calls that are left, by name: what did not end at a bound"""
    bad = []
    for name in parallel(jobs):
        got, entry = gw.facts(name), gw.entry(name)
        attrs = gw.span(got['trace'])
        if entry['outcome'] != 'aborted' \
                or got['error'] != 'client_closed_request' \
                or got['src'] not in sources \
                or attrs.get('genai.usage.complete') is not False \
                or 'genai.drained' in attrs:
            bad.append('%s: %s %s' % (name, got, entry['outcome']))
    return '\n'.join(bad)


def bounds(gw):
    every = [(way, tail, how) for way in WAYS for tail in ('', '/off')
             for how in ('reset', 'close')]
    name = 'at the bound the upstream is left and the call is partial: '

    for what, where, directive in (
            ('time', '/time', {'delay_ms': 60}),
            ('time, while nothing comes', '/time',
             {'fail': 'stall', 'fail_at': 12, 'stall_ms': 60000}),
            ('size', '/size', {'delay_ms': 10, 'events': 500})):
        bad = given_up(gw, [leave(gw, w, where + t, h, **directive)
                            for w, t, h in every])
        tap.ok(not bad, name + what, bad)

    bad = given_up(gw, [early(gw, w, '/time' + t, h, first_ms=60000)
                        for w, t, h in every], ('',))
    tap.ok(not bad, name + 'time, before the answer begins', bad)

    bad = given_up(gw, [leave(gw, w, '/none', h, delay_ms=10)
                        for w in WAYS for h in ('reset', 'close')])
    tap.ok(not bad, 'genai_drain off: the upstream is left at once', bad)


def others(gw):
    ways = [(way, how) for way in WAYS for how in ('reset', 'close')]

    bad = settled(gw, [leave(gw, w, '/ignore', h) for w, h in ways])
    tap.ok(not bad, 'with proxy_ignore_client_abort, too', bad)

    bad = settled(gw, [leave(gw, w, '/raw', h) for w, h in ways])
    tap.ok(not bad, 'with proxy_request_buffering off, too', bad)

    bad = settled(gw, [early(gw, w, '/mirror', h) for w, h in ways], '499')
    tap.ok(not bad, 'behind a module that reads the request first, too', bad)

    bad = settled(gw, [leave(gw, w, '/again', h, fail='throttle',
                             fail_times=1) for w, h in ways])
    tap.ok(not bad, 'in the location that an error_page leads to, too', bad)

    bad = given_up(gw, [leave(gw, w, '/away', h) for w, h in ways])
    tap.ok(not bad, 'but not if that location has it off', bad)

    unasked = dict(CHAT, model='openai.gpt-6.1-sol')
    bad = settled(gw, [leave(gw, w, '/hide', h, 'OpenAI SSE', body=unasked)
                       for w, h in ways])
    tap.ok(not bad, 'with genai_include_usage, too', bad)

    got = [gw.facts(leave(gw, way, '/on', 'reset', fail='cut',
                          fail_at=50)()) for way in WAYS]
    tap.ok(all(x['error'] == 'client_closed_request'
               and x['src'] in ('estimate', 'partial') for x in got),
           'an upstream that breaks off meanwhile: partial', got)


def crowd(gw):
    gw.sim.reset()
    bad = settled(gw, [leave(gw, *EVERY[i % 8], list(APIS)[i // 8 % 4],
                             delay_ms=20) for i in range(200)])
    tap.ok(not bad, '200 clients that leave at once', bad)

    total = gw.sim.meter()['total']
    tap.ok(total['calls'] == 200 and total['aborted'] == 0,
           'every answer was read to its end', total)


def sockets(port, state):
    """local ports of connections to this one"""
    out = []
    with open('/proc/net/tcp') as f:
        for line in list(f)[1:]:
            part = line.split()
            if int(part[2].split(':')[1], 16) == port \
                    and part[3] == state:
                out.append(part[1])
    return out


def nothing_left(gw):
    def few():
        return len(sockets(gw.sim.port, '01')) <= KEEPALIVE
    try:
        harness.wait_for('connections', 10, few)
        left = ''
    except harness.Problem:
        left = len(sockets(gw.sim.port, '01'))
    tap.ok(not left, 'no connection to the upstream is left but the idle '
           'ones of keepalive', left)

    held = [p for n in ('h1', 'h2') for p in sockets_of(gw.ports[n])]
    tap.ok(not held, 'none of a client that has left', held)


def sockets_of(port):
    """connections of this listener in CLOSE_WAIT"""
    with open('/proc/net/tcp') as f:
        return [x.split()[2] for x in list(f)[1:]
                if int(x.split()[1].split(':')[1], 16) == port
                and x.split()[3] == '08']


def worker(nginx):
    """its pid"""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/stat' % pid) as f:
                parent = int(f.read().rsplit(')', 1)[1].split()[1])
            with open('/proc/%s/cmdline' % pid) as f:
                if parent == nginx.process.pid \
                        and 'worker process' in f.read():
                    return int(pid)
        except OSError:
            pass
    raise harness.Problem('no worker')


def cpu(pid):
    """seconds"""
    with open('/proc/%d/stat' % pid) as f:
        part = f.read().rsplit(')', 1)[1].split()
    return (int(part[11]) + int(part[12])) / os.sysconf('SC_CLK_TCK')


def rest(gw, nginx):
    """calls that are drained while nothing comes, then a quit"""
    stall = {'fail': 'stall', 'fail_at': 12, 'stall_ms': 1500}
    names = [leave(gw, *e, **stall)() for e in EVERY]

    pid = worker(nginx)
    before, start = cpu(pid), time.monotonic()
    time.sleep(0.8)
    used, wall = cpu(pid) - before, time.monotonic() - start
    tap.ok(used < wall / 4, 'while nothing comes the worker sleeps',
           '%g s of %g s' % (used, wall))

    leave(gw, 'h1', '/time', 'reset', **dict(stall, stall_ms=60000))()
    start = time.monotonic()
    nginx.process.send_signal(signal.SIGQUIT)
    nginx.process.wait(30)
    took = time.monotonic() - start

    bad = '\n'.join(filter(None, map(gw.exact, names)))
    tap.ok(not bad, 'a worker that was told to quit drains first', bad)
    tap.ok(took < 20, 'and no longer than it may', took)


def main():
    prefix = tempfile.mkdtemp(prefix='genai-drain-')
    os.chmod(prefix, 0o755)
    sim = harness.Simulator(prefix)
    ports = {k: harness.free_port() for k in WAYS}
    so = harness.find_module()
    nginx = None

    # refuses at once, in the event that tried
    dead = os.path.join(prefix, 'dead')
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(dead)

    try:
        nginx = harness.Nginx(prefix, harness.CONF % dict(
            load='load_module %s;' % so if so else '', top=tap.TOP,
            prefix=prefix, http=HTTP % dict(
                ports, sim=sim.port, keepalive=KEEPALIVE, dead=dead)),
            ports.values())
        gw = Gateway(prefix, sim, ports)
        matrix(gw)
        before_header(gw)
        slow_client(gw)
        neighbours(gw)
        bounds(gw)
        others(gw)
        crowd(gw)
        nothing_left(gw)
        rest(gw, nginx)
        tap.no_alerts(nginx)
    finally:
        if nginx is not None:
            nginx.stop()
        sim.stop()
        if os.environ.get('KEEP'):
            tap.note(prefix)
        else:
            shutil.rmtree(prefix, ignore_errors=True)

    tap.done()


if __name__ == '__main__':
    main()
