"""One call over a bare socket, HTTP/1.1 or HTTP/2 with prior knowledge: what
SDKs would not do, such as to leave in the middle, or to read nothing.
"""

import socket
import struct


class Gone(Exception):
    pass


def frames(data):
    """The whole frames of an AWS event stream, and what is left."""
    out = []
    while len(data) >= 4:
        size = struct.unpack('>I', data[:4])[0]
        if len(data) < size:
            break
        out.append(data[:size])
        data = data[size:]
    return out, data


def events(data):
    """The whole events of Server-Sent Events, and what is left."""
    out = data.split(b'\n\n')
    return out[:-1], out[-1]


class Http1:
    def __init__(self, port, path, body, headers=(), small=False):
        self.sock = socket.socket()
        if small:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(30)
        self.sock.connect(('127.0.0.1', port))
        lines = ['POST %s HTTP/1.1' % path, 'Host: gw',
                 'Content-Length: %d' % len(body)]
        lines += ['%s: %s' % h for h in headers]
        self.sock.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode() + body)
        self.raw = b''
        self.data = b''
        self.head = None
        self.ended = False

    def read(self):
        """more of the body, in self.data"""
        got = self.sock.recv(65536)
        if not got:
            raise Gone('connection closed')
        self.raw += got

        if self.head is None:
            head, mark, rest = self.raw.partition(b'\r\n\r\n')
            if not mark:
                return
            self.head, self.raw = head.decode('latin-1'), rest

        while not self.ended:
            line, mark, rest = self.raw.partition(b'\r\n')
            if not mark:
                return
            size = int(line, 16)
            if len(rest) < size + 2:
                return
            self.data += rest[:size]
            self.raw = rest[size + 2:]
            self.ended = size == 0

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Connection2:
    """Streams of one HTTP/2 connection are read by whoever waits."""

    def __init__(self, port, window=1 << 20, small=False):
        self.sock = socket.socket()
        if small:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(30)
        self.sock.connect(('127.0.0.1', port))
        self.streams = {}
        self.raw = b''
        self.next = 1
        self.sock.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        self.frame(4, 0, 0, struct.pack('>HI', 4, window))
        self.frame(8, 0, 0, struct.pack('>I', 1 << 28))

    def frame(self, kind, flags, stream, payload=b''):
        self.sock.sendall(struct.pack('>I', len(payload))[1:]
                          + struct.pack('>BBI', kind, flags, stream)
                          + payload)

    def read(self):
        got = self.sock.recv(65536)
        if not got:
            raise Gone('connection closed')
        self.raw += got

        while len(self.raw) >= 9:
            size = int.from_bytes(self.raw[:3], 'big')
            if len(self.raw) < 9 + size:
                return
            kind, flags, stream = struct.unpack('>BBI', self.raw[3:9])
            payload = self.raw[9:9 + size]
            self.raw = self.raw[9 + size:]
            self.take(kind, flags, self.streams.get(stream), payload)

    def discard(self):
        """reads what comes until the connection ends"""
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass

    def take(self, kind, flags, stream, payload):
        if kind == 4 and not flags & 1:
            self.frame(4, 1, 0)
        elif kind == 7:
            raise Gone('GOAWAY')
        elif stream is None:
            return
        elif kind == 3:
            stream.code = struct.unpack('>I', payload)[0]
            raise Gone('RST_STREAM %d' % stream.code)
        elif kind == 1:
            stream.head = payload
        elif kind == 0:
            stream.data += payload
            if payload and stream.reading:
                self.frame(8, 0, stream.id, struct.pack('>I', len(payload)))
        if kind in (0, 1) and flags & 1:
            stream.ended = True


class Http2:
    def __init__(self, port, path, body, headers=(), small=False,
                 connection=None):
        self.conn = connection or Connection2(
            port, 1 << 17 if small else 1 << 20, small)
        self.id = self.conn.next
        self.conn.next += 2
        self.conn.streams[self.id] = self
        self.head = None
        self.data = b''
        self.code = None
        self.ended = False
        self.reading = not small
        self.sock = self.conn.sock

        block = b''
        for k, v in [(':method', 'POST'), (':scheme', 'http'),
                     (':path', path), (':authority', 'gw')] + list(headers):
            for s in (k.lower(), v):
                s = s.encode()
                block += (b'\x00' if s == k.lower().encode() else b'') \
                    + self.number(len(s)) + s
        self.conn.frame(1, 4, self.id, block)
        self.conn.frame(0, 1, self.id, body)

    @staticmethod
    def number(n):
        if n < 127:
            return bytes([n])
        out, n = b'\x7f', n - 127
        while n >= 128:
            out, n = out + bytes([n % 128 + 128]), n // 128
        return out + bytes([n])

    def read(self):
        self.conn.read()

    def reset(self):
        """CANCEL of the stream; the connection stays"""
        self.conn.frame(3, 0, self.id, struct.pack('>I', 8))

    def close(self):
        self.conn.sock.close()


def read_events(call, count, split):
    """at least so many whole events, or all of them"""
    while not call.ended and len(split(call.data)[0]) < count:
        call.read()
    return split(call.data)[0]
