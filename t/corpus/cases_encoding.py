"""Content codings: the same facts as of the plain body."""

import gzip
import zlib

from corpus import HAIKU, Case, compact, usage
from cases_converse import (ASK, ASK_FACTS, BLOCK_END, START, delta, meta,
                            reply, stop)


def packed(data):
    return gzip.compress(data, 9, mtime=0)


def zipped(data):
    return zlib.compress(data, 9)


def raw(data):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


def flushed(frames):
    """A stream whose every frame can be read when it comes."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    out = [z.compress(f) + z.flush(zlib.Z_SYNC_FLUSH) for f in frames]
    return b"".join(out) + z.flush()


def cases():
    answer = compact(reply([{"text": "Hello."}], "end_turn", inputTokens=12,
                           outputTokens=4, totalTokens=16)).encode()
    facts = dict(**ASK_FACTS, **usage(12, 4), stop_reason="end_turn",
                 finish="stop", output_chars=6, server_latency_ms=612)
    ask = compact(ASK).encode()

    for name, header, pack in (
            ("gzip", "gzip", packed), ("x-gzip", "X-GZip", packed),
            ("zlib", "deflate", zipped), ("deflate", "deflate", raw),
            ("plain", "gzip", bytes), ("identity", "identity", bytes),
            ("members", "gzip",
             lambda b: packed(b[:9]) + packed(b[9:]) + b"\0\0")):
        c = Case("encoding/" + name, "converse", HAIKU, ASK)
        c.answer(pack(answer), headers=[("Content-Encoding", header)])
        c.expect(**facts)
        yield c.priced(HAIKU, 12, 4)

    frames = [START, delta("Hel"), delta("lo."), BLOCK_END,
              stop("end_turn"), meta(inputTokens=12, outputTokens=4,
                                     totalTokens=16)]
    c = Case("encoding/stream", "converse-stream", HAIKU, packed(ask),
             headers=[("Content-Encoding", "gzip")])
    c.answer(flushed(frames), headers=[("Content-Encoding", "gzip")],
             ctype="application/vnd.amazon.eventstream")
    c.expect(**dict(facts, server_latency_ms=321), streamed=1, events=6,
             text_events=2)
    yield c.priced(HAIKU, 12, 4)

    c = Case("encoding/unknown", "converse", HAIKU, ASK)
    c.answer(b"?", headers=[("Content-Encoding", "compress")])
    yield c.expect(**ASK_FACTS, skip="encoded")

    c = Case("encoding/twice", "converse", HAIKU, ASK)
    c.answer(packed(packed(answer)),
             headers=[("Content-Encoding", "gzip, gzip")])
    yield c.expect(**ASK_FACTS, skip="encoded")

    c = Case("encoding/bad", "converse", HAIKU, ASK)
    c.answer(packed(answer)[:12] + b"\xff" * 60,
             headers=[("Content-Encoding", "gzip")])
    yield c.expect(**ASK_FACTS, bad_body=1, error=1, error_origin="upstream",
                   error_type="malformed_body")

    c = Case("encoding/short", "converse", HAIKU, ASK)
    c.answer(b"\x1f\x8b\x08", headers=[("Content-Encoding", "gzip")])
    yield c.expect(**ASK_FACTS, bad_body=1, error=1, error_origin="upstream",
                   error_type="empty_body")

    # nothing is known of a request that cannot be read, all of its answer
    c = Case("encoding/request", "converse", HAIKU, b"\0" * 30,
             headers=[("Content-Encoding", "compress")])
    c.answer(answer)
    c.expect(**usage(12, 4), stop_reason="end_turn", finish="stop",
             output_chars=6, server_latency_ms=612, skip="encoded")
    yield c.priced(HAIKU, 12, 4)
