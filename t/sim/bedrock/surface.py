"""The Bedrock Runtime surface: what differs from one wire API to another.

A surface has
  stream            is the answer a stream
  refuse(body)      None, or (status, type, message)
  headers(entry)    response headers of a 200
  value()           a plain answer, a JSON value
  frames()          (bytes, is it visible output) of a stream
  broken(fail)      bytes of a frame that ends or spoils a stream
  spoil(fail, frame)  a frame broken on purpose
  error(rid, status, type, message)     headers, body of a refusal
"""

from . import converse, faults, frames

JSON = 'application/json'
EVENTS = 'application/vnd.amazon.eventstream'


class Bedrock:
    def __init__(self, c, family):
        self.c = c
        self.family = family
        self.stream = 'Stream' in c.operation

    def refuse(self, body):
        c, family = self.c, self.family

        if not isinstance(body, dict):
            return (400, 'ValidationException',
                    'Malformed input request, please reformat your input '
                    'and try again.')
        if family is None:
            return (400, 'ValidationException',
                    'The provided model identifier is invalid.')

        missing = (not family.CHAT if 'Converse' in c.operation
                   else self.stream and not hasattr(family, 'chunks'))
        if missing:
            return (400, 'ValidationException',
                    'The model you are trying to use does not support this '
                    'operation.')

        if not family.CHAT:
            c.only_input(family.HEADERS != 'none')
        return None

    def error(self, rid, status, kind, message):
        suffix = (faults.CORAL_AUTH if kind in faults.FRONT_END
                  else faults.CORAL)
        return ([('Content-Type', JSON), ('x-amzn-RequestId', rid),
                 ('x-amzn-ErrorType', kind + suffix)],
                frames.dumps({'message': message}))

    def headers(self, entry):
        c, family = self.c, self.family
        u = c.usage
        name = 'X-Amzn-Bedrock-'
        out = [('Content-Type', EVENTS if self.stream else JSON),
               ('x-amzn-RequestId', entry['request_id'])]

        if c.operation == 'InvokeModel' and not c.omits('headers'):
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
            if self.stream:
                out.append((name + 'Content-Type', JSON))
            for key, header in (('tier', 'Service-Tier'),
                                ('latency', 'PerformanceConfig-Latency')):
                if c.d.get(key):
                    out.append((name + header, c.d[key]))

        return out

    def value(self):
        c = self.c
        if c.operation == 'CountTokens':
            c.only_input()
            return {'inputTokens': c.usage['input']}
        if c.operation == 'Converse':
            return converse.answer(c)
        return self.family.answer(c)

    def pad(self):
        if self.c.d.get('pad') is False:
            return ''
        return frames.PAD[:self.c.rng.randint(1, len(frames.PAD))]

    def frames(self):
        c = self.c

        if c.operation == 'ConverseStream':
            for name, payload, visible in converse.events(c):
                yield converse.frame(name, payload, self.pad()), visible
            return

        held = None
        for item in self.family.chunks(c):
            if held:
                yield frames.chunk(frames.dumps(held[0]),
                                   self.pad()), held[1]
            held = item

        if held:
            value = held[0]
            if not c.omits('metrics'):
                value = dict(value)
                value['amazon-bedrock-invocationMetrics'] = c.metrics()
            yield frames.chunk(frames.dumps(value), self.pad()), held[1]

    def broken(self, fail):
        d = self.c.d

        if fail == 'error_frame':
            return frames.error(d.get('exception', 'InternalError'),
                                d.get('message', 'something broke'))

        name = d.get('exception', 'throttlingException')
        message = d.get('message', 'Too many tokens, please wait before '
                                   'trying again.')
        return frames.exception(name, frames.dumps(
            faults.exception_payload(name, message)))

    def spoil(self, fail, frame):
        if fail == 'bad_length':
            return b'\x00\x00\x00\x08' + frame[4:]
        return frames.break_crc(frame, prelude=fail == 'bad_prelude')
