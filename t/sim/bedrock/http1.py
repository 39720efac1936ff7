"""A small threaded HTTP/1.1 server that keeps the raw request target.

One thread per connection, keep-alive, chunked bodies both ways. Responses
can be broken on purpose: cut, reset, written one byte at a time.
"""

import select
import socket
import struct
import threading
import time
from email.utils import formatdate

MAX_HEAD = 64 * 1024
MAX_BODY = 25_000_000

REASONS = {
    200: 'OK', 400: 'Bad Request', 402: 'Payment Required', 403: 'Forbidden',
    404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout',
    413: 'Request Entity Too Large', 424: 'Failed Dependency',
    429: 'Too Many Requests', 500: 'Internal Server Error',
    502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout',
}


class Gone(Exception):
    """The peer closed or reset the connection."""


class BadRequest(Exception):
    def __init__(self, status, message):
        Exception.__init__(self, message)
        self.status = status


class Request:
    __slots__ = ('method', 'target', 'path', 'query', 'version', 'raw',
                 'headers', 'body', 'peer')

    def __init__(self, head):
        lines = head.split('\r\n')

        try:
            self.method, self.target, self.version = lines[0].split(' ')
        except ValueError:
            raise BadRequest(400, 'bad request line')

        self.path, _, self.query = self.target.partition('?')
        self.raw = []
        self.headers = {}
        self.body = b''

        for line in lines[1:]:
            name, colon, value = line.partition(':')
            if not colon:
                raise BadRequest(400, 'bad header line')
            value = value.strip()
            self.raw.append((name, value))
            name = name.lower()
            if name in self.headers:
                value = self.headers[name] + ',' + value
            self.headers[name] = value

    def keep_alive(self):
        token = self.headers.get('connection', '').lower()
        if self.version == 'HTTP/1.0':
            return token == 'keep-alive'
        return token != 'close'


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.buf = bytearray()
        self.open = True
        self.sent = 0           # bytes of the current response

    # reading

    def fill(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            raise Gone()
        if not data:
            raise Gone()
        self.buf += data

    def take(self, n):
        while len(self.buf) < n:
            self.fill()
        data = bytes(self.buf[:n])
        del self.buf[:n]
        return data

    def line(self, limit=MAX_HEAD):
        while True:
            at = self.buf.find(b'\n')
            if at >= 0:
                return self.take(at + 1).rstrip(b'\r\n')
            if len(self.buf) > limit:
                raise BadRequest(400, 'line too long')
            self.fill()

    def request(self):
        """The next request, None at a clean end."""
        while True:
            at = self.buf.find(b'\r\n\r\n')
            if at >= 0:
                break
            if len(self.buf) > MAX_HEAD:
                raise BadRequest(400, 'header too large')
            if self.buf.startswith(b'PRI * HTTP/2.0'):
                raise BadRequest(400, 'HTTP/2 is not spoken here')
            try:
                self.fill()
            except Gone:
                return None

        req = Request(self.take(at + 4)[:-4].decode('latin-1'))

        if req.headers.get('expect', '').lower() == '100-continue':
            self.write(b'HTTP/1.1 100 Continue\r\n\r\n')

        if 'chunked' in req.headers.get('transfer-encoding', '').lower():
            req.body = self.chunked()
        else:
            try:
                size = int(req.headers.get('content-length', 0))
            except ValueError:
                raise BadRequest(400, 'bad Content-Length')
            if size < 0 or size > MAX_BODY:
                raise BadRequest(413, 'Request size exceeded')
            req.body = self.take(size)

        return req

    def chunked(self):
        body = bytearray()
        while True:
            try:
                size = int(self.line().split(b';')[0], 16)
            except ValueError:
                raise BadRequest(400, 'bad chunk')
            if len(body) + size > MAX_BODY:
                raise BadRequest(413, 'Request size exceeded')
            if size == 0:
                while self.line():
                    pass
                return bytes(body)
            body += self.take(size)
            self.line()

    # writing

    def write(self, data, step=0):
        try:
            if step:
                for at in range(0, len(data), step):
                    self.sock.sendall(data[at:at + step])
            else:
                self.sock.sendall(data)
        except OSError:
            raise Gone()
        self.sent += len(data)

    def wait(self, seconds):
        """Sleeps; raises Gone as soon as the peer has gone."""
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | select.POLLRDHUP)

        while True:
            left = end - time.monotonic()
            if left <= 0:
                return
            for _, what in poll.poll(left * 1000):
                if what & (select.POLLHUP | select.POLLERR
                           | select.POLLRDHUP):
                    raise Gone()
                # a pipelined request: nothing to learn any more
                time.sleep(max(0, end - time.monotonic()))
                return

    def head(self, req, status, headers, length=None):
        """Status line and headers; chunked when length is None."""
        keep = self.open and req.keep_alive()
        chunked = length is None and req.version != 'HTTP/1.0'

        if length is None and not chunked:
            keep = False

        self.open = keep
        lines = ['HTTP/1.1 %d %s' % (status, REASONS.get(status, 'Unknown')),
                 'Date: ' + formatdate(usegmt=True)]
        lines += ['%s: %s' % h for h in headers]

        if length is not None:
            lines.append('Content-Length: %d' % length)
        elif chunked:
            lines.append('Transfer-Encoding: chunked')

        lines.append('Connection: ' + ('keep-alive' if keep else 'close'))
        return ('\r\n'.join(lines) + '\r\n\r\n').encode(), chunked

    def respond(self, req, status, headers, body, step=0):
        head, _ = self.head(req, status, headers, len(body))
        if req.method == 'HEAD':
            body = b''
        if step:
            self.write(head)
            self.write(body, step)
        else:
            self.write(head + body)

    def close(self, reset=False):
        self.open = False
        try:
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack('ii', 1, 0))
            else:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Stream:
    """A response body of unknown length."""

    def __init__(self, conn, req, status, headers, step=0):
        self.conn = conn
        self.step = step
        head, self.chunked = conn.head(req, status, headers)
        conn.write(head)

    def write(self, data):
        if not data:
            return
        if self.chunked:
            if self.step:
                for at in range(0, len(data), self.step):
                    part = data[at:at + self.step]
                    self.conn.write(b'%x\r\n%s\r\n' % (len(part), part))
            else:
                self.conn.write(b'%x\r\n%s\r\n' % (len(data), data))
        else:
            self.conn.write(data, self.step)

    def end(self):
        if self.chunked:
            self.conn.write(b'0\r\n\r\n')


class Server:
    def __init__(self, host, port, handler, context=None):
        self.handler = handler
        self.context = context
        self.sock = socket.create_server((host, port), backlog=4096)
        self.port = self.sock.getsockname()[1]
        self.stopping = False
        threading.stack_size(512 * 1024)

    def serve(self):
        while not self.stopping:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                if self.stopping:
                    return
                time.sleep(0.05)
                continue
            threading.Thread(target=self.connection, args=(sock,),
                             daemon=True).start()

    def connection(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return

        conn = Connection(sock)

        try:
            while conn.open:
                try:
                    req = conn.request()
                except BadRequest as e:
                    body = b'{"message":"%s"}' % str(e).encode()
                    conn.write(b'HTTP/1.1 %d %s\r\nContent-Length: %d\r\n'
                               b'Content-Type: application/json\r\n'
                               b'Connection: close\r\n\r\n%s'
                               % (e.status,
                                  REASONS.get(e.status, '').encode(),
                                  len(body), body))
                    break
                if req is None:
                    break
                conn.sent = 0
                self.handler(conn, req)
        except Gone:
            pass
        finally:
            conn.close()

    def stop(self):
        self.stopping = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
