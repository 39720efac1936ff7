#!/usr/bin/env python3
"""Each case of t/corpus through nginx, as "genai auto": the bytes pass as
they are and the variables are the case's facts.  What was cut or estimated is
left to the unit test.
"""

import glob
import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness

FACTS = ('api', 'provider', 'operation', 'step', 'model', 'response_model',
         'input_tokens', 'output_tokens', 'cache_read_tokens',
         'cache_write_tokens', 'reasoning_tokens', 'total_tokens',
         'stop_reason', 'usage_source', 'request_id', 'documents', 'tools')
TOKENS = ('input_tokens', 'output_tokens', 'total_tokens', 'usage_source')

HTTP = '''
    underscores_in_headers on;

    log_format facts escape=json '{"name":"$http_x_case",%(facts)s,'
        '"error":"$genai_error","skip":"$genai_skip_reason",'
        '"cost":"$genai_cost"}';
    access_log logs/facts.log facts;

    server {
        listen 127.0.0.1:%(port)d;
        location / {
            genai auto; proxy_buffering off;
            proxy_set_header Host $http_host;
            proxy_pass http://127.0.0.1:%(up)d;
        }
    }
'''


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def facts(path):
    return dict(line.split(' = ', 1) for line in
                read(path).decode().splitlines() if ' = ' in line)


def cases():
    found = {}
    for path in sorted(glob.glob(os.path.join(tap.TOP, 't/corpus/*/*.facts'))):
        name = '/'.join(path[:-6].split('/')[-2:])
        told = facts(path)
        if told['.end'] != 'aborted' and '.origin' not in told:
            found[name] = (read(path[:-6] + '.req'), read(path[:-6] + '.res'),
                           told)
    return found


class Upstream(harness.Upstream):
    def __init__(self, known):
        self.known = known
        super().__init__()

    def answer(self, request, headers, body):
        if 'x-case' not in headers:
            return
        _, answer, told = self.known[headers['x-case']]
        head, body = answer.split(b'\r\n\r\n', 1)
        size = len(body) + (1000 if told['.end'] == 'cut' else 0)
        request.sendall(head + b'\r\nConnection: close\r\nContent-Length: %d'
                        b'\r\n\r\n' % size)
        for i in range(0, len(body), 700):
            request.sendall(body[i:i + 700])


def ask(port, name, request):
    head, body = request.split(b'\r\n\r\n', 1)
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.settimeout(10)
        s.sendall(head + b'\r\nConnection: close\r\nX-Case: '
                  + name.encode() + b'\r\n\r\n' + body)
        got = b''
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
    return got.split(b'\r\n\r\n', 1)[-1]


def wrong(told, got):
    """The facts that differ."""
    out = []
    estimated = (told.get('truncated') or told.get('streamed')
                 and not told.get('usage_complete'))
    for key in FACTS:
        wanted = told.get(key, '')
        if key in TOKENS and estimated and '.estimate' not in told:
            continue
        if got[key] != wanted:
            out.append('%s: %r, expected %r' % (key, got[key], wanted))
    if got['error'] != told.get('error_type', ''):
        out.append('error: %r' % got['error'])
    if 'no_cost' in told and (got['skip'], got['cost']) != (told['no_cost'],
                                                            ''):
        out.append('cost: %r, skipped: %r' % (got['cost'], got['skip']))
    if 'cost_pico' in told:
        whole, _, part = got['cost'].partition('.')
        pico = int((whole or '-1') + part.ljust(12, '0'))
        if pico != int(told['cost_pico']):
            out.append('cost: %r, expected %s pico-USD'
                       % (got['cost'], told['cost_pico']))
    return out


def main():
    known = cases()
    ports = {'port': harness.free_port()}
    facts = ','.join('"%s":"$genai_%s"' % (f, f) for f in FACTS)

    with harness.gateway('corpus', HTTP, Upstream(known), ports,
                         facts=facts) as nginx:
        log = os.path.join(nginx.prefix, 'logs', 'facts.log')
        bodies = {}
        for name, (request, _, _) in known.items():
            bodies[name] = ask(ports['port'], name, request)
        harness.wait_for('the log', 10, lambda: read(log).count(b'\n')
                         >= len(known))
        lines = {}
        for text in read(log).decode().splitlines():
            line = json.loads(text)
            lines[line['name']] = line
        for name, (_, answer, told) in known.items():
            bad = wrong(told, lines[name])
            if bodies[name] != answer.split(b'\r\n\r\n', 1)[1]:
                bad.append('%d bytes came' % len(bodies[name]))
            tap.ok(not bad, name, '\n'.join(bad))
        tap.no_alerts(nginx)
    tap.done()


if __name__ == '__main__':
    main()
