"""Starts and stops what tests and the demo need: simulator, nginx, SDKs.

Everything lives in a private directory, listens on loopback, and is stopped
by its process id.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('BUILD', os.path.join(TOP, 'build'))

CREDENTIALS = {
    'AWS_ACCESS_KEY_ID': 'AKIDEXAMPLE',
    'AWS_SECRET_ACCESS_KEY': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    'AWS_REGION': 'us-east-1',
    'AWS_DEFAULT_REGION': 'us-east-1',
    'AWS_EC2_METADATA_DISABLED': 'true',
    'AWS_CONFIG_FILE': '/dev/null',
    'AWS_SHARED_CREDENTIALS_FILE': '/dev/null',
}


# what http has in every test, and around it
CONF = '''
daemon off;
worker_processes 1;
%(load)s
pid logs/nginx.pid;
error_log logs/error.log info;
user root;
events { worker_connections 1024; }
http {
    client_body_temp_path tmp/b; proxy_temp_path tmp/p;
    fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    genai_prices %(top)s/conf.examples/prices.json;
    genai_queue 4m path=%(prefix)s/spool;

    client_max_body_size 30m;
    proxy_read_timeout 300s;
    proxy_http_version 1.1;
%(http)s
}
'''


class Problem(Exception):
    pass


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]


def get(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as r:
        return r.read().decode()


def wait_for(what, seconds, test):
    """The first true value of test() within so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise Problem('%s: not within %g s' % (what, seconds))
        time.sleep(0.03)


def listening(port):
    try:
        socket.create_connection(('127.0.0.1', port), 0.2).close()
        return True
    except OSError:
        return False


def find_module():
    """Path of the built module; GENAI_MODULE overrides: a path, `none` or
    `static` (linked into the binary)."""
    path = os.environ.get('GENAI_MODULE')
    if path:
        return None if path in ('none', 'static') else path
    path = os.path.join(BUILD, 'nginx', 'ngx_http_genai_module.so')
    return path if os.path.exists(path) else None


def find_nginx():
    path = os.environ.get('TEST_NGINX_BINARY') or shutil.which('nginx') \
        or '/usr/sbin/nginx'
    if not os.access(path, os.X_OK):
        raise Problem('no nginx found; set TEST_NGINX_BINARY')
    return path


class Simulator:
    def __init__(self, directory, *args):
        portfile = os.path.join(directory, 'sim.port')
        if os.path.exists(portfile):
            os.unlink(portfile)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'bedrock-sim'),
             '--port-file', portfile, *args], start_new_session=True)
        wait_for('simulator', 10, lambda: os.path.exists(portfile)
                 or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise Problem('the simulator did not start')
        with open(portfile) as f:
            self.port = int(f.read())
        self.url = 'http://127.0.0.1:%d' % self.port

    def meter(self):
        return json.loads(get(self.url + '/sim/meter'))

    def calls(self, last=None):
        query = '?last=%d' % last if last else ''
        return json.loads(get(self.url + '/sim/calls' + query))

    def reset(self):
        urllib.request.urlopen(urllib.request.Request(
            self.url + '/sim/reset', b''), timeout=5).close()

    def stop(self):
        stop(self.process, signal.SIGTERM)


class Nginx:
    def __init__(self, prefix, conf, ports, under=()):
        """conf: the whole nginx.conf; ports: what it must listen on; under:
        the command that runs it, if any."""
        for name in ('conf', 'logs', 'tmp'):
            os.makedirs(os.path.join(prefix, name), exist_ok=True)
        self.prefix = prefix
        self.error_log = os.path.join(prefix, 'logs', 'error.log')
        path = os.path.join(prefix, 'conf', 'nginx.conf')
        with open(path, 'w') as f:
            f.write(conf)

        command = [find_nginx(), '-p', prefix + '/', '-c', path,
                   '-e', self.error_log]
        test = subprocess.run(command + ['-t'], capture_output=True,
                              text=True)
        if test.returncode:
            raise Problem('nginx -t failed (%d):\n%s'
                          % (test.returncode, test.stderr))
        self.notes = test.stderr

        # Ctrl-C at the terminal is for us; nginx is stopped in good order
        self.process = subprocess.Popen([*under, *command],
                                        start_new_session=True)
        wait_for('nginx', 60 if under else 10, lambda: self.process.poll() is not None
                 or all(listening(p) for p in ports))
        if self.process.poll() is not None:
            raise Problem('nginx did not start:\n' + self.errors())

    def errors(self):
        try:
            with open(self.error_log) as f:
                return f.read()
        except OSError:
            return ''

    def stop(self, sig=signal.SIGQUIT):
        stop(self.process, sig)


class Upstream(socketserver.ThreadingTCPServer):
    """An upstream of a test's own: one request a connection, which answer()
    answers; the names in headers are lower case."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            headers = {}
            if not self.rfile.readline():
                return
            while True:
                line = self.rfile.readline().decode('latin-1').strip()
                if not line:
                    break
                k, _, v = line.partition(':')
                headers[k.lower()] = v.strip()
            body = self.rfile.read(int(headers.get('content-length', 0)))
            with contextlib.suppress(OSError):
                self.server.answer(self.request, headers, body)

    def __init__(self):
        super().__init__(('127.0.0.1', 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, request, headers, body):
        raise NotImplementedError


@contextlib.contextmanager
def gateway(name, http, upstream, ports, **more):
    """nginx with the module in a directory of its own, until the end of the
    block.  http: what its http block has; %(up)d in it is the upstream's
    port, ports (a dictionary) and more have the other names."""
    prefix = tempfile.mkdtemp(prefix='genai-%s-' % name)
    os.chmod(prefix, 0o755)
    so = find_module()
    names = dict(ports, up=upstream.server_address[1], top=TOP,
                 prefix=prefix, **more)
    try:
        nginx = Nginx(prefix, CONF % dict(
            names, load='load_module %s;' % so if so else '',
            http=http % names), ports.values())
        try:
            yield nginx
        finally:
            nginx.stop()
    finally:
        upstream.shutdown()
        shutil.rmtree(prefix, ignore_errors=True)


def stop(process, sig, seconds=10):
    if process.poll() is not None:
        return
    process.send_signal(sig)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def install_clients():
    """Installs the pinned SDKs unless they are there; False if it failed."""
    return subprocess.run([os.path.join(HERE, 'clients/install.sh')],
                          env=dict(os.environ, BUILD=BUILD)).returncode == 0


def clients():
    """The AWS SDKs that are installed: subset of python, js."""
    out = []
    if os.access(os.path.join(BUILD, 'venv/bin/python'), os.X_OK):
        out.append('python')
    if os.path.isdir(os.path.join(BUILD, 'js/node_modules')) \
            and shutil.which('node'):
        out.append('js')
    return out


def full_client():
    """Are Anthropic's and OpenAI's SDKs installed: run_client('full')"""
    return os.access(os.path.join(BUILD, 'venv-full/bin/python'), os.X_OK)


def run_client(which, calls, endpoint, http1=False, env=None, timeout=120):
    """One result per call, in order."""
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith('AWS_')
                   and not k.lower().endswith('_proxy')}
    environment.update(CREDENTIALS)
    environment['AWS_ENDPOINT_URL_BEDROCK_RUNTIME'] = endpoint
    environment.update(env or {})

    if which == 'full':
        command = [os.path.join(BUILD, 'venv-full/bin/python'),
                   os.path.join(HERE, 'clients/python/direct.py')]
        environment['SIM_ENDPOINT'] = endpoint
    elif which == 'python':
        command = [os.path.join(BUILD, 'venv/bin/python'),
                   os.path.join(HERE, 'clients/python/calls.py')]
    else:
        command = ['node', '--no-warnings',
                   os.path.join(HERE, 'clients/js/calls.mjs')]
        environment['SIM_JS'] = os.path.join(BUILD, 'js')
        if http1:
            environment['SIM_HTTP1'] = '1'

    done = subprocess.run(command, input=json.dumps(calls), text=True,
                          capture_output=True, env=environment,
                          timeout=timeout)
    out = [json.loads(line) for line in done.stdout.splitlines()]

    if done.returncode or len(out) != len(calls):
        raise Problem('%s client: exit %d, %d of %d answers\n%s'
                      % (which, done.returncode, len(out), len(calls),
                         done.stderr))
    return out
