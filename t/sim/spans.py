"""Reads what the `file` sink wrote: OTLP/JSON, one request a line."""

import json


class Span:
    def __init__(self, raw, resource):
        self.trace = raw['traceId']
        self.id = raw['spanId']
        self.parent = raw.get('parentSpanId') or None
        self.name = raw['name']
        self.kind = raw.get('kind', 0)
        self.start = int(raw['startTimeUnixNano'])
        self.end = int(raw['endTimeUnixNano'])
        self.status = raw.get('status', {}).get('code', 0)
        self.attrs = attributes(raw.get('attributes', []))
        self.resource = resource

    def get(self, key, default=None):
        return self.attrs.get(key, default)

    def seconds(self):
        return (self.end - self.start) / 1e9

    def usage(self):
        """Tokens as the simulator's meter has them: input uncached."""
        read = self.get('gen_ai.usage.cache_read.input_tokens', 0)
        write = self.get('gen_ai.usage.cache_write.input_tokens', 0)
        return {'input': self.get('gen_ai.usage.input_tokens', 0)
                - read - write,
                'output': self.get('gen_ai.usage.output_tokens', 0),
                'cache_read': read, 'cache_write': write,
                'cache_write_1h':
                    self.get('genai.usage.cache_write_1h.input_tokens', 0)}


def value(v):
    if 'intValue' in v:
        return int(v['intValue'])
    if 'arrayValue' in v:
        return [value(x) for x in v['arrayValue'].get('values', [])]
    for kind in ('stringValue', 'doubleValue', 'boolValue', 'bytesValue'):
        if kind in v:
            return v[kind]
    return None


def attributes(pairs):
    return {p['key']: value(p.get('value', {})) for p in pairs}


def read(path):
    """Spans in the order written; a last line still being written is left
    out."""
    out = []

    try:
        with open(path) as f:
            text = f.read()
    except FileNotFoundError:
        return out

    for line in text[:text.rfind('\n') + 1].splitlines():
        for rs in json.loads(line).get('resourceSpans', []):
            resource = attributes(rs.get('resource', {}).get('attributes',
                                                             []))
            for scope in rs.get('scopeSpans', []):
                out += [Span(s, resource) for s in scope.get('spans', [])]

    return out


def raw(path):
    """{trace id: {key: value as it is written}}: integers are strings"""
    out = {}

    try:
        with open(path, encoding='utf-8') as f:
            text = f.read()
    except FileNotFoundError:
        return out

    for line in text[:text.rfind('\n') + 1].splitlines():
        for rs in json.loads(line)['resourceSpans']:
            for ss in rs['scopeSpans']:
                for s in ss['spans']:
                    out[s['traceId']] = {
                        a['key']: list(a['value'].values())[0]
                        for a in s.get('attributes', [])}

    return out
