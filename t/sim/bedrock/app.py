"""Routes requests, answers them, breaks them when told to."""

import gzip
import hashlib
import json
import threading
import time
import zlib

from . import call as calls
from . import converse, faults, frames, http1, sigv4
from .families import lookup

JSON = 'application/json'
EVENTS = 'application/vnd.amazon.eventstream'
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

        m = calls.MODEL_PATH.match(req.path)

        if not m:
            return self.error(conn, req, {}, (
                404, 'UnknownOperationException', ''), faults.CORAL_AUTH)
        if req.method != 'POST':
            return self.error(conn, req, {}, (
                405, 'MethodNotAllowedException', ''), faults.CORAL_AUTH)

        self.model(conn, req, m)

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

    def model(self, conn, req, m):
        try:
            body = json.loads(req.body)
        except ValueError:
            body = None

        h = req.headers
        d = calls.directive(h, req.body, body)

        with self.lock:
            self.counter += 1
            number = self.counter

        operation = calls.OPERATIONS[m['op']]
        asked = body if isinstance(body, dict) else {}
        model, family = lookup(m['model'], asked)
        c = calls.Call(model, operation, asked, d, (self.seed, number))
        entry = {'request_id': c.uuid(), 'operation': operation,
                 'model': model, 'path': req.target, 'prefix': m['prefix'],
                 'time': time.time(), 'outcome': 'open', 'status': 0,
                 'host': h.get('host'), 'version': req.version,
                 'request_bytes': len(req.body),
                 'request_sha256': hashlib.sha256(req.body).hexdigest(),
                 'invocation_id': h.get('amz-sdk-invocation-id'),
                 'attempt': h.get('amz-sdk-request'),
                 'trace': {k: h[k] for k in TRACE_HEADERS if k in h},
                 'headers': req.raw, 'auth': None}
        self.meter.begin(entry)

        try:
            problem = self.check(req, entry, body, family, c)
            if problem:
                self.meter.fail(entry, 'error')
                self.error(conn, req, entry, *problem, c=c)
            elif operation in ('ConverseStream',
                               'InvokeModelWithResponseStream'):
                self.stream(conn, req, entry, family, c)
            else:
                self.plain(conn, req, entry, family, c)
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

    def partial(self, entry, c):
        """Tokens worked on when a stream broke: input and the output that
        went out, by the share of visible events."""
        share = entry.get('share', 0)
        return (c.usage['input'], int(c.usage['output'] * share))

    def check(self, req, entry, body, family, c):
        """The refusal of this request: ((status, type, message), suffix)"""
        auth = req.headers.get('authorization', '')
        entry['auth'] = ('bearer' if auth.startswith('Bearer ')
                         else 'sigv4' if auth.startswith('AWS4-') else None)

        if self.strict:
            try:
                sigv4.verify(req.method, req.path, req.query, req.headers,
                             req.body)
            except sigv4.SigError as e:
                return (403, e.code, str(e)), faults.CORAL_AUTH

        fail = self.fault(req, c)

        if fail in faults.ERRORS:
            status, kind, message = faults.ERRORS[fail]
            return (int(c.d.get('status', status)), kind,
                    c.d.get('message', message)), faults.CORAL

        if not isinstance(body, dict):
            return (400, 'ValidationException',
                    'Malformed input request, please reformat your input '
                    'and try again.'), faults.CORAL
        if family is None:
            return (400, 'ValidationException',
                    'The provided model identifier is invalid.'), faults.CORAL

        stream = 'Stream' in c.operation
        missing = (not family.CHAT if 'Converse' in c.operation
                   else stream and not hasattr(family, 'chunks'))
        if missing:
            return (400, 'ValidationException',
                    'The model you are trying to use does not support this '
                    'operation.'), faults.CORAL

        if not family.CHAT:
            for key in c.usage:
                if key != 'input' or family.HEADERS == 'none':
                    c.usage[key] = 0
        return None

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

    # answers

    def error(self, conn, req, entry, error, suffix, c=None):
        status, kind, message = error
        rid = entry.get('request_id', '00000000-0000-0000-0000-000000000000')
        headers = [('Content-Type', JSON), ('x-amzn-RequestId', rid),
                   ('x-amzn-ErrorType', kind + suffix)]

        if c and c.d.get('retry_after') is not None:
            headers.append(('Retry-After', c.d['retry_after']))

        entry['status'] = status
        entry['error'] = kind
        conn.respond(req, status, headers,
                     frames.dumps({'message': message}))

    def early(self, conn, req, entry, c):
        """Failures before the first byte of an answer."""
        d = c.d
        fail = d.get('fail') or ''

        if fail.startswith('status:'):
            status = int(fail[7:])
            entry['status'] = status
            self.meter.fail(entry, 'error')
            conn.respond(req, status, [('Content-Type', 'text/html')],
                         b'<html><body><h1>%d</h1></body></html>\n' % status)
            return True

        if d.get('first_ms'):
            conn.wait(float(d['first_ms']) / 1000)

        if fail == 'close' or (fail == 'reset' and 'fail_at' not in d
                               and 'Stream' not in c.operation):
            self.meter.fail(entry, 'error')
            raise Abandon()
        return False

    def headers(self, c, entry, family, kind):
        entry['status'] = 200
        out = [('Content-Type', c.d.get('content_type', kind)),
               ('x-amzn-RequestId', entry['request_id'])]
        u = c.usage

        if c.operation == 'InvokeModel' and not c.omits('headers'):
            name = 'X-Amzn-Bedrock-'
            out.append((name + 'Invocation-Latency', c.latency))
            if family.HEADERS != 'none':
                out.append((name + 'Input-Token-Count', u['input']))
            if family.HEADERS == 'both':
                out.append((name + 'Output-Token-Count', u['output']))
            if family.CACHE == 'always' or (family.CACHE == 'used'
                                            and c.has_cache()):
                out.append((name + 'Cache-Read-Input-Token-Count',
                            u['cache_read']))
                out.append((name + 'Cache-Write-Input-Token-Count',
                            u['cache_write']))

        if c.operation.startswith('InvokeModel'):
            if 'Stream' in c.operation:
                out.append(('X-Amzn-Bedrock-Content-Type', JSON))
            for key, name in (('tier', 'Service-Tier'),
                              ('latency', 'PerformanceConfig-Latency')):
                if c.d.get(key):
                    out.append(('X-Amzn-Bedrock-' + name, c.d[key]))

        return out

    def plain(self, conn, req, entry, family, c):
        if self.early(conn, req, entry, c):
            return

        fail = c.d.get('fail')
        sort = c.d.get('sort', c.operation == 'Converse')

        if c.operation == 'CountTokens':
            for key in c.usage:
                if key != 'input':
                    c.usage[key] = 0
            value = {'inputTokens': c.usage['input']}
        elif c.operation == 'Converse':
            value = converse.answer(c)
        else:
            value = family.answer(c)

        if c.d.get('unknown') and c.operation != 'CountTokens':
            value = dict({'aNewKey': [1, {'usage': {'inputTokens': 7}}]},
                         **value)

        body = frames.dumps(value, sort=sort)
        headers = self.headers(c, entry, family, JSON)

        if fail == 'empty':
            body = b''
        elif fail == 'garbage':
            body = b'{"usage":{"inputTokens":12,"outputTokens":' + b'\xff{]'

        body = self.encode(body, headers, c)
        entry['response_sha256'] = hashlib.sha256(body).hexdigest()

        if fail in ('truncate', 'cut', 'reset', 'stall'):
            return self.half(conn, req, entry, headers, body, c)

        if fail in ('empty', 'garbage'):
            self.meter.fail(entry, 'error', (c.usage['input'],
                                             c.usage['output']))
        elif c.operation == 'CountTokens':
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
        self.meter.fail(entry, 'error', self.partial(entry, c))
        raise Abandon()

    # streams

    def pad(self, c):
        if c.d.get('pad') is False:
            return ''
        return frames.PAD[:c.rng.randint(1, len(frames.PAD))]

    def frames(self, family, c):
        """(frame, is it visible output), in order"""
        if c.operation == 'ConverseStream':
            for name, payload, visible in converse.events(c):
                yield converse.frame(name, payload, self.pad(c)), visible
            return

        held = None
        for item in family.chunks(c):
            if held:
                yield frames.chunk(frames.dumps(held[0]),
                                   self.pad(c)), held[1]
            held = item

        if held:
            value = held[0]
            if not c.omits('metrics'):
                value = dict(value)
                value['amazon-bedrock-invocationMetrics'] = c.metrics()
            yield frames.chunk(frames.dumps(value), self.pad(c)), held[1]

    def stream(self, conn, req, entry, family, c):
        if self.early(conn, req, entry, c):
            return

        headers = self.headers(c, entry, family, EVENTS)
        parts = list(self.frames(family, c))
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
        pending = []
        held = shown = 0

        def flush():
            nonlocal held
            data = b''.join(pending)
            pending.clear()
            held = 0
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
                frame = self.break_at(conn, out, entry, c, fail, frame)
                if frame is None:
                    return

            digest.update(frame)
            pending.append(frame)
            held += len(frame)

            if held > FLUSH:
                flush()

        entry['response_sha256'] = digest.hexdigest()
        if fail in (None, 'stall'):
            self.meter.done(entry, c.usage)
        flush()
        out.end()

    def break_at(self, conn, out, entry, c, fail, frame):
        """Breaks a stream; gives the frame to go on with, or None."""
        d = c.d

        if fail == 'stall':
            conn.wait(float(d.get('stall_ms', 3600000)) / 1000)
            return frame

        self.meter.fail(entry, 'error', self.partial(entry, c))
        entry['error'] = fail

        if fail == 'bad_crc':
            return frames.break_crc(frame)
        if fail == 'bad_prelude':
            return frames.break_crc(frame, prelude=True)
        if fail == 'bad_length':
            return b'\x00\x00\x00\x08' + frame[4:]

        if fail in ('exception', 'exception_first'):
            name = d.get('exception', 'throttlingException')
            message = d.get('message', 'Too many tokens, please wait before '
                                       'trying again.')
            entry['error'] = name
            out.write(frames.exception(name, frames.dumps(
                faults.exception_payload(name, message))))
        elif fail == 'error_frame':
            out.write(frames.error(d.get('exception', 'InternalError'),
                                   d.get('message', 'something broke')))
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
