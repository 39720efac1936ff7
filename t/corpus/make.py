#!/usr/bin/env python3
"""Writes the corpus: bodies of every operation and family with their facts.

Run it after a change and commit what it wrote; t/unit/test_corpus.c reads
the files.  Small ones also become seeds of t/fuzz/fuzz_body.c.  Bodies follow the recorded or documented shapes of each provider;
no text in them was said by anybody.
"""

import base64
import glob
import importlib
import json
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus                                              # noqa: E402

MODULES = ["cases_converse", "cases_claude", "cases_embed", "cases_error",
           "cases_encoding",
           "cases_family", "cases_anthropic", "cases_openai", "cases_direct",
           "cases_retrieval"]


# the order of targets[] in fuzz_body.c
OPS = ["/invoke ", "/invoke-with-response-stream ", "/converse ",
       "/converse-stream ", "/count-tokens ", "/apply ",
       "/v1/messages ", "/v1/chat/completions ", "/v1/responses ",
       "/v1/completions ", "/v1/embeddings ", ":generateContent ",
       ":streamGenerateContent", "/v2/chat ", "/v2/rerank ", "/api/chat ",
       "/retrieve ", "/retrieveAndGenerateStream ", "/_search ",
       "/_msearch ", "/points/query ", "/entities/search ", "/QueryVectors "]
SEEDS = os.path.join(corpus.HERE, "..", "fuzz", "corpus", "body")


def pieces(stream):
    """Frames as fuzz_body.c rebuilds them: their kind and (type, payload)."""
    kind, out, at = 3, b"", 0
    while at + 16 <= len(stream):
        total, headers = struct.unpack(">II", stream[at:at + 8])
        if total < 16 or headers > total:
            break
        payload = stream[at + 12 + headers:at + total - 4]
        at += total
        if payload.startswith(b'{"bytes"'):
            try:
                payload = base64.b64decode(json.loads(payload)["bytes"])
                kind = 4
            except ValueError:
                pass
        event = (3 if b"usage" in payload else
                 2 if b"stopReason" in payload else 0)
        out += bytes([event, min(len(payload), 255)]) + payload[:255]
    return kind, out


def seed(case):
    """fuzz_body.c: operation, kind, cuts, length of the request, bodies."""
    line = case.request.split(b"\r\n")[0].decode()
    op = [i for i, o in enumerate(OPS) if o in line]
    head, body = case.response.split(b"\r\n\r\n", 1)
    request = case.request.split(b"\r\n\r\n", 1)[1]
    if not op or b"Content-Encoding" in head + case.request:
        return
    kind = 0 if b" 200 " in head[:16] else 1
    if b"eventstream" in head:
        kind, body = pieces(body)
    if b"text/event-stream" in head:
        kind = 5
    if b"x-ndjson" in head:
        kind = 6
    data = (bytes([op[0], kind, 7]) + struct.pack(">H", len(request))
            + request + body)
    if len(data) < 2000:
        name = case.name.replace("/", "-")
        with open(os.path.join(SEEDS, name), "wb") as f:
            f.write(data)


def main():
    os.makedirs(SEEDS, exist_ok=True)
    for path in glob.glob(os.path.join(SEEDS, "*")):
        os.unlink(path)
    for kind in ("req", "res", "facts"):
        for path in glob.glob(os.path.join(corpus.HERE, "*", "*." + kind)):
            os.unlink(path)
    n = 0
    for module in MODULES:
        for case in importlib.import_module(module).cases():
            case.write()
            seed(case)
            n += 1
    print("%d cases" % n)


if __name__ == "__main__":
    main()
