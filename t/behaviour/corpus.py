#!/usr/bin/env python3
"""Each case of t/corpus through nginx, as "genai auto": the bytes pass as
they are and the variables are the case's facts.  What was cut or estimated is
left to the unit test.
"""

import glob
import json
import os
import shutil
import socket
import socketserver
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap
import harness

FACTS = ('api', 'provider', 'operation', 'step', 'model', 'response_model',
         'input_tokens', 'output_tokens', 'cache_read_tokens',
         'cache_write_tokens', 'reasoning_tokens', 'total_tokens',
         'stop_reason', 'usage_source', 'request_id', 'documents', 'tools')
TOKENS = ('input_tokens', 'output_tokens', 'total_tokens', 'usage_source')

CONF = '''
daemon off;
worker_processes 1;
%(load)s
pid logs/nginx.pid;
error_log logs/error.log info;
user root;
events { worker_connections 256; }
http {
    client_body_temp_path tmp/b; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    genai_prices %(top)s/conf.examples/prices.json;
    genai_queue 4m path=%(prefix)s/spool;
    client_max_body_size 30m;
    proxy_read_timeout 300s;
    proxy_http_version 1.1;
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


class Upstream(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, known):
        self.known = known
        super().__init__(('127.0.0.1', 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        name, size = None, 0
        while True:
            line = self.rfile.readline().strip()
            if not line:
                break
            key, _, value = line.partition(b':')
            if key.lower() == b'x-case':
                name = value.strip().decode()
            if key.lower() == b'content-length':
                size = int(value)
        self.rfile.read(size)
        if name is None:
            return
        _, answer, told = self.server.known[name]
        head, body = answer.split(b'\r\n\r\n', 1)
        size = len(body) + (1000 if told['.end'] == 'cut' else 0)
        self.wfile.write(head + b'\r\nConnection: close\r\nContent-Length: %d'
                         b'\r\n\r\n' % size)
        for i in range(0, len(body), 700):
            self.wfile.write(body[i:i + 700])
            self.wfile.flush()


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
    upstream = Upstream(known)
    prefix = tempfile.mkdtemp(prefix='genai-corpus-')
    for name in ('logs', 'tmp'):
        os.makedirs(os.path.join(prefix, name))
    port = harness.free_port()
    so = harness.find_module()
    nginx = harness.Nginx(prefix, CONF % dict(
        load='load_module %s;' % so if so else '', top=tap.TOP,
        prefix=prefix, port=port, up=upstream.server_address[1],
        facts=','.join('"%s":"$genai_%s"' % (f, f) for f in FACTS)), [port])
    log = os.path.join(prefix, 'logs', 'facts.log')

    try:
        bodies = {}
        for name, (request, _, _) in known.items():
            bodies[name] = ask(port, name, request)
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
    finally:
        nginx.stop()
        upstream.shutdown()
        if not tap.failed:
            shutil.rmtree(prefix, ignore_errors=True)
    tap.done()


if __name__ == '__main__':
    main()
