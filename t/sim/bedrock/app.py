"""Routes requests, answers them, breaks them when told to."""

import gzip
import hashlib
import json
import threading
import time
import zlib

from . import call as calls
from . import direct, faults, frames, http1, sigv4, surface, unbilled
from .families import lookup
from .meter import UNBILLED

JSON = surface.JSON
TRACE_HEADERS = ('traceparent', 'tracestate', 'baggage', 'x-amzn-trace-id',
                 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled')
FLUSH = 64 * 1024


class Abandon(Exception):
    """The connection was broken on purpose; nothing more to send."""


class App:
    def __init__(self, meter, strict=False, seed=None):
        self.meter = meter
        self.strict = strict
        self.seed = seed if seed is not None else time.time_ns()
        self.attempts = {}
        self.lock = threading.Lock()
        self.counter = 0

    # routing

    def __call__(self, conn, req):
        if req.path.startswith('/sim/'):
            return self.control(conn, req)

        m = (calls.MODEL_PATH.match(req.path)
             or direct.PATH.match(req.path))

        if m and req.method == 'POST':
            return self.model(conn, req, m)

        other = unbilled.match(req.method, req.path)
        if other:
            return self.model(conn, req, *other)

        kind, status = (('MethodNotAllowedException', 405) if m
                        else ('UnknownOperationException', 404))
        conn.respond(req, status, [
            ('Content-Type', JSON),
            ('x-amzn-ErrorType', kind + faults.CORAL_AUTH)], b'{}')

    def control(self, conn, req):
        def reply(value, status=200):
            conn.respond(req, status, [('Content-Type', JSON)],
                         json.dumps(value, indent=1).encode() + b'\n')

        what = (req.method, req.path)

        if what == ('GET', '/sim/meter'):
            reply(self.meter.totals())
        elif what == ('POST', '/sim/reset'):
            self.meter.reset()
            reply({})
        elif what == ('GET', '/sim/calls'):
            _, _, n = req.query.partition('last=')
            reply(self.meter.calls(int(n) if n.isdigit() else None))
        elif what == ('GET', '/sim/health'):
            reply({'status': 'ok'})
        else:
            reply({'message': 'GET /sim/meter, /sim/calls, /sim/health, '
                              'POST /sim/reset'}, 404)

    # one model call

    def model(self, conn, req, m, operation=None):
        try:
            body = json.loads(req.body)
        except ValueError:
            body = None

        with self.lock:
            self.counter += 1
            seed = (self.seed, self.counter)

        asked = body if isinstance(body, dict) else {}
        d = calls.directive(req.headers, req.body, body)

        if operation:
            model = m.groupdict().get('id') or str(asked.get('modelId', ''))
            c = calls.Call(model, operation, asked, d, seed)
            face = unbilled.Unbilled(c, m)
        elif 'model' in m.groupdict():
            model, family = lookup(m['model'], asked)
            c = calls.Call(model, calls.OPERATIONS[m['op']], asked, d, seed)
            face = surface.Bedrock(c, family)
        else:
            model = str(asked.get('model', ''))
            c = calls.Call(model, direct.OPERATIONS[m['op']], asked, d, seed)
            face = direct.SURFACES[m['op']](c)

        entry = self.entry(req, m, c)
        self.meter.begin(entry)

        try:
            problem = self.check(req, entry, body, face, c)
            if problem:
                self.meter.fail(entry, 'error')
                self.error(conn, req, entry, face, c, *problem)
            elif not self.early(conn, req, entry, c):
                (self.stream if face.stream else self.plain)(
                    conn, req, entry, face, c)
        except http1.Gone:
            if entry['outcome'] in ('open', 'ok'):
                self.meter.fail(entry, 'aborted', self.partial(entry, c))
            raise
        except Abandon:
            conn.close(reset=c.d.get('fail') == 'reset')
        finally:
            entry.pop('share', None)
            entry['response_bytes'] = conn.sent

        if c.d.get('close'):
            conn.open = False

    def entry(self, req, m, c):
        h = req.headers
        auth = h.get('authorization', '')
        return {'request_id': c.uuid(), 'operation': c.operation,
                'model': c.model, 'path': req.target, 'prefix': m['prefix'],
                'time': time.time(), 'outcome': 'open', 'status': 0,
                'host': h.get('host'), 'version': req.version,
                'request_bytes': len(req.body),
                'request_sha256': hashlib.sha256(req.body).hexdigest(),
                'invocation_id': h.get('amz-sdk-invocation-id'),
                'attempt': h.get('amz-sdk-request'),
                'trace': {k: h[k] for k in TRACE_HEADERS if k in h},
                'headers': req.raw,
                'auth': 'bearer' if auth.startswith('Bearer ')
                        else 'sigv4' if auth.startswith('AWS4-') else None}

    def partial(self, entry, c):
        """Tokens worked on when a stream broke: input and the output that
        went out, by the share of visible events."""
        share = entry.get('share', 0)
        return (c.usage['input'], int(c.usage['output'] * share))

    def check(self, req, entry, body, face, c):
        """The refusal of this request: (status, type, message)"""
        if self.strict and 'x-api-key' not in req.headers:
            try:
                sigv4.verify(req.method, req.path, req.query, req.headers,
                             req.body)
            except sigv4.SigError as e:
                return 403, e.code, str(e)

        fail = self.fault(req, c)

        if fail in faults.ERRORS:
            status, kind, message = faults.ERRORS[fail]
            return (int(c.d.get('status', status)), kind,
                    c.d.get('message', message))

        return face.refuse(body)

    def fault(self, req, c):
        """The failure that applies to this attempt, also left in c.d."""
        fail = c.d.get('fail')
        times = c.d.get('fail_times')

        if fail and times is not None:
            key = req.headers.get('amz-sdk-invocation-id', c.model)
            with self.lock:
                if len(self.attempts) > 10000:
                    self.attempts.clear()
                n = self.attempts[key] = self.attempts.get(key, 0) + 1
            if n > int(times):
                fail = c.d['fail'] = None

        return fail

    def error(self, conn, req, entry, face, c, status, kind, message):
        headers, body = face.error(entry['request_id'], status, kind,
                                   message)
        if c.d.get('retry_after') is not None:
            headers.append(('Retry-After', c.d['retry_after']))

        entry['status'] = status
        entry['error'] = kind
        conn.respond(req, status, headers, body)

    def early(self, conn, req, entry, c):
        """Failures and pauses before the first byte of an answer."""
        d = c.d
        fail = d.get('fail') or ''

        if fail.startswith('status:'):
            status = int(fail[7:])
            entry['status'] = status
            entry['error'] = str(status)
            self.meter.fail(entry, 'error')
            conn.respond(req, status, [('Content-Type', 'text/html')],
                         b'<html><body><h1>%d</h1></body></html>\n' % status)
            return True

        if d.get('first_ms'):
            conn.wait(float(d['first_ms']) / 1000)

        if fail == 'close':
            entry['error'] = fail
            self.meter.fail(entry, 'error')
            raise Abandon()

        entry['status'] = 200
        return False

    def headers(self, entry, face, c):
        out = face.headers(entry)
        if 'content_type' in c.d:
            out[0] = ('Content-Type', c.d['content_type'])
        return out

    # plain answers

    def plain(self, conn, req, entry, face, c):
        fail = c.d.get('fail')

        if fail == 'reset':
            entry['error'] = fail
            self.meter.fail(entry, 'error')
            raise Abandon()

        value = face.value()
        free = c.operation in UNBILLED

        if c.d.get('unknown') and not free:
            value = dict({'aNewKey': [1, {'usage': {'inputTokens': 7}}]},
                         **value)

        body = frames.dumps(value, sort=c.d.get('sort',
                                                c.operation == 'Converse'))
        headers = self.headers(entry, face, c)

        if fail == 'empty':
            body = b''
        elif fail == 'garbage':
            body = b'{"usage":{"inputTokens":12,"outputTokens":' + b'\xff{]'

        body = self.encode(body, headers, c)
        entry['response_sha256'] = hashlib.sha256(body).hexdigest()

        if fail in ('truncate', 'cut', 'stall'):
            return self.half(conn, req, entry, headers, body, c)

        if fail in ('empty', 'garbage'):
            entry['error'] = fail
            self.meter.fail(entry, 'error', (c.usage['input'],
                                             c.usage['output']))
        elif free:
            entry['outcome'] = 'ok'
        else:
            self.meter.done(entry, c.usage)

        conn.respond(req, 200, headers, body, int(c.d.get('write', 0)))

    def encode(self, body, headers, c):
        coding = c.d.get('encoding')

        if coding == 'gzip':
            body = gzip.compress(body, 6, mtime=0)
        elif coding == 'deflate':
            body = zlib.compress(body)
        else:
            return body

        headers.append(('Content-Encoding', coding))
        return body

    def half(self, conn, req, entry, headers, body, c):
        """The first half of a plain body, then a break or a pause."""
        head, _ = conn.head(req, 200, headers, len(body))
        at = len(body) // 2
        conn.write(head + body[:at])

        if c.d['fail'] == 'stall':
            conn.wait(float(c.d.get('stall_ms', 3600000)) / 1000)
            self.meter.done(entry, c.usage)
            conn.write(body[at:])
            return

        time.sleep(0.02)
        entry['error'] = c.d['fail']
        self.meter.fail(entry, 'error', self.partial(entry, c))
        raise Abandon()

    # streams

    def stream(self, conn, req, entry, face, c):
        headers = self.headers(entry, face, c)
        parts = list(face.frames())
        fail = c.d.get('fail')
        fail = fail if fail in faults.STREAM else None
        at = 0 if fail == 'exception_first' else \
            int(c.d.get('fail_at', len(parts) // 2))
        if fail == 'nometa':
            at = len(parts) - 1
        at = min(at, len(parts) - 1)

        if c.d.get('encoding') in ('gzip', 'deflate'):
            return self.packed(conn, req, entry, headers, parts, c)

        out = http1.Stream(conn, req, 200, headers,
                           int(c.d.get('write', 0)))
        delay = float(c.d.get('delay_ms', 0)) / 1000
        burst = max(1, int(c.d.get('burst', 1)))
        digest = hashlib.sha256()
        total = sum(1 for _, visible in parts if visible) or 1
        pending = bytearray()
        shown = 0

        def flush():
            data = bytes(pending)
            pending.clear()
            out.write(data)

        for i, (frame, visible) in enumerate(parts):
            if visible:
                if delay and shown % burst == 0:
                    flush()
                    conn.wait(delay)
                shown += 1
                entry['share'] = shown / total

            if fail and i == at:
                flush()
                frame = self.break_at(conn, out, entry, face, c, fail, frame)
                if frame is None:
                    return

            digest.update(frame)
            pending += frame

            if len(pending) > FLUSH:
                flush()

        entry['response_sha256'] = digest.hexdigest()
        if fail in (None, 'stall'):
            self.meter.done(entry, c.usage)
        flush()
        out.end()

    def break_at(self, conn, out, entry, face, c, fail, frame):
        """Breaks a stream; gives the frame to go on with, or None."""
        d = c.d

        if fail == 'stall':
            conn.wait(float(d.get('stall_ms', 3600000)) / 1000)
            return frame

        self.meter.fail(entry, 'error', self.partial(entry, c))
        entry['error'] = d.get('exception', {
            'exception': 'throttlingException',
            'exception_first': 'throttlingException',
            'error_frame': 'InternalError'}.get(fail, fail))

        if fail.startswith('bad_'):
            return face.spoil(fail, frame)

        if fail in ('exception', 'exception_first', 'error_frame'):
            out.write(face.broken(fail))
        elif fail in ('truncate', 'cut'):
            out.write(frame[:len(frame) // 2])

        if fail in ('cut', 'reset'):
            time.sleep(0.02)
            raise Abandon()

        out.end()
        return None

    def packed(self, conn, req, entry, headers, parts, c):
        body = self.encode(b''.join(f for f, _ in parts), headers, c)
        entry['response_sha256'] = hashlib.sha256(body).hexdigest()
        out = http1.Stream(conn, req, 200, headers)
        self.meter.done(entry, c.usage)
        out.write(body)
        out.end()
