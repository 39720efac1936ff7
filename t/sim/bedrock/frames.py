"""AWS event-stream frames (application/vnd.amazon.eventstream).

Big endian: total length, headers length, CRC-32 of those eight bytes,
headers, payload, CRC-32 of everything before it.
"""

import base64
import json
import struct
import zlib

# padding that Bedrock adds against side channels on token lengths: a prefix
PAD = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

_head_cache = {}


class FrameError(Exception):
    pass


def dumps(value, sort=False):
    """JSON as AWS writes it: compact, UTF-8, not ASCII-escaped."""
    return json.dumps(value, ensure_ascii=False, sort_keys=sort,
                      separators=(',', ':')).encode()


def header(name, value):
    name = name.encode()
    value = value.encode()
    return (struct.pack('!B', len(name)) + name
            + struct.pack('!BH', 7, len(value)) + value)


def encode(headers, payload):
    """One frame from (name, string) pairs and payload bytes."""
    head = b''.join(header(n, v) for n, v in headers)
    return frame(head, payload)


def frame(head, payload):
    prelude = struct.pack('!II', 16 + len(head) + len(payload), len(head))
    crc = zlib.crc32(prelude)
    msg = b''.join((prelude, struct.pack('!I', crc), head, payload))
    return msg + struct.pack('!I', zlib.crc32(msg))


def event(name, payload):
    head = _head_cache.get(name)

    if head is None:
        head = b''.join((header(':event-type', name),
                         header(':content-type', 'application/json'),
                         header(':message-type', 'event')))
        _head_cache[name] = head

    return frame(head, payload)


def exception(name, payload):
    return encode([(':exception-type', name),
                   (':content-type', 'application/json'),
                   (':message-type', 'exception')], payload)


def error(code, message):
    return encode([(':error-code', code), (':error-message', message),
                   (':message-type', 'error')], b'')


def chunk(inner, pad=''):
    """The `chunk` event of InvokeModelWithResponseStream."""
    payload = {'bytes': base64.b64encode(inner).decode()}
    if pad:
        payload['p'] = pad
    return event('chunk', dumps(payload))


def break_crc(msg, prelude=False):
    """The same frame with one bit of a CRC turned."""
    at = 8 if prelude else len(msg) - 4
    return msg[:at] + bytes([msg[at] ^ 1]) + msg[at + 1:]


def decode(data):
    """All frames of data as (headers dict, payload); strict."""
    out = []
    at = 0

    while at < len(data):
        if len(data) - at < 16:
            raise FrameError('truncated prelude')

        total, hlen, crc = struct.unpack_from('!III', data, at)

        if crc != zlib.crc32(data[at:at + 8]):
            raise FrameError('prelude CRC')
        if total < 16 + hlen or len(data) - at < total:
            raise FrameError('truncated or bad length')

        end = at + total
        (crc,) = struct.unpack_from('!I', data, end - 4)
        if crc != zlib.crc32(data[at:end - 4]):
            raise FrameError('message CRC')

        headers = {}
        pos = at + 12
        while pos < at + 12 + hlen:
            n = data[pos]
            name = data[pos + 1:pos + 1 + n].decode()
            pos += 1 + n
            if data[pos] != 7:
                raise FrameError('header type %d' % data[pos])
            (vlen,) = struct.unpack_from('!H', data, pos + 1)
            headers[name] = data[pos + 3:pos + 3 + vlen].decode()
            pos += 3 + vlen

        out.append((headers, data[at + 12 + hlen:end - 4]))
        at = end

    return out
