"""What the case files of make.py share: frames, messages, facts.

A case is three files: NAME.req and NAME.res, a request and its response as
they are on the wire (body not chunked), and NAME.facts, "key = value" lines
with every fact that must come out of them.  A fact that is not listed must
stay unknown.  cost_pico, or no_cost and the reason, come of the pricing.
Keys that begin with a dot steer the test:

    .shape      recorded (after a recorded body) or made
    .end        complete, cut (the upstream broke off) or aborted (the client)
    .origin     gateway: the answer was made by nginx
    .estimate   1: what was not told is estimated
"""

import base64
import binascii
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
REQUEST_ID = "00000000-1111-2222-3333-444444444444"
INVOCATION = "6f1b8d3e-0000-4000-8000-000000000001"

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "us.anthropic.claude-sonnet-4-6"

# USD per million tokens: input, output, cache read, write 5m, write 1h;
# then the percentage of the route
RATES = {
    HAIKU: (1, 5, 0.1, 1.25, 2, 110),
    SONNET: (3, 15, 0.3, 3.75, 6, 110),
    "amazon.titan-embed-text-v2:0": (0.02, 0, 0, 0, 0, 100),
    "amazon.nova-lite-v1:0": (0.06, 0.24, 0.015, 0, 0, 100),
}


def pico(model, inp=0, out=0, read=0, write=0, write1h=0):
    """The cost in pico-USD, of uncached input and of cache parts apart."""
    r = [round(x * 1000000) for x in RATES[model][:5]]
    total = (inp * r[0] + out * r[1] + read * r[2]
             + (write - write1h) * r[3] + write1h * r[4])
    total, rest = divmod(total * RATES[model][5], 100)
    return total + (1 if rest * 2 >= 100 else 0)


def compact(doc):
    return json.dumps(doc, separators=(",", ":"), ensure_ascii=False)


def crc(data):
    return binascii.crc32(data) & 0xFFFFFFFF


def frame(headers, payload=b""):
    """One event-stream frame; every header is a string."""
    if isinstance(payload, str):
        payload = payload.encode()
    block = b""
    for name, value in headers:
        n, v = name.encode(), value.encode()
        block += struct.pack(">B", len(n)) + n + b"\x07"
        block += struct.pack(">H", len(v)) + v
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    data = prelude + struct.pack(">I", crc(prelude)) + block + payload
    return data + struct.pack(">I", crc(data))


def event(kind, doc):
    if not isinstance(doc, (str, bytes)):
        doc = compact(doc)
    return frame([(":event-type", kind), (":content-type",
                  "application/json"), (":message-type", "event")], doc)


def exception(kind, doc):
    return frame([(":exception-type", kind), (":content-type",
                  "application/json"), (":message-type", "exception")],
                 compact(doc))


ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def padded(doc, n):
    """Converse pads an event with a prefix of a fixed alphabet."""
    return dict(doc, p=ALPHABET[:n])


def chunk(doc, pad=0):
    if not isinstance(doc, str):
        doc = compact(doc)
    outer = {"bytes": base64.b64encode(doc.encode()).decode()}
    return event("chunk", padded(outer, pad) if pad else outer)


def quote(model):
    return model.replace(":", "%3A").replace("/", "%2F")


class Case:
    """One call; facts is what must come out of it."""

    def __init__(self, name, op, model, body, shape="made", host=HOST,
                 raw_path=None, headers=(), end="complete"):
        self.name = name
        path = raw_path or "/model/%s/%s" % (quote(model), op)
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else compact(body)).encode()
        head = ["POST %s HTTP/1.1" % path, "Host: " + host,
                "Content-Type: application/json",
                "amz-sdk-invocation-id: " + INVOCATION,
                "amz-sdk-request: attempt=1; max=3"]
        head += ["%s: %s" % h for h in headers]
        head.append("Content-Length: %d" % len(body))
        self.request = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        self.response = b""
        self.steer = {".shape": shape, ".end": end}
        self.facts = {
            "api": "bedrock", "provider": "aws.bedrock", "model": model,
            "region": "us-east-1", "invocation_id": INVOCATION, "attempt": 1,
            "op": {"invoke": "InvokeModel", "converse": "Converse",
                   "invoke-with-response-stream":
                   "InvokeModelWithResponseStream",
                   "converse-stream": "ConverseStream",
                   "count-tokens": "CountTokens",
                   "apply": "ApplyGuardrail"}[op],
            "operation": "chat", "step": "llm_generation",
            "path": path}
        if op.endswith("stream"):
            self.facts["stream"] = 1

    def answer(self, body, status="200 OK", ctype="application/json",
               headers=()):
        if isinstance(body, list):
            body = b"".join(body)
            ctype = "application/vnd.amazon.eventstream"
        if not isinstance(body, (bytes, str)):
            body = compact(body)
        if isinstance(body, str):
            body = body.encode()
        head = ["HTTP/1.1 " + status, "Date: Mon, 23 Nov 2026 12:00:00 GMT",
                "x-amzn-RequestId: " + REQUEST_ID]
        if ctype:
            head.append("Content-Type: " + ctype)
        head += ["%s: %s" % h for h in headers]
        self.response = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        self.facts["status"] = int(status[:3])
        self.facts["request_id"] = REQUEST_ID
        return self

    def expect(self, **facts):
        self.facts.update(facts)
        return self

    def priced(self, model, inp=0, out=0, read=0, write=0, write1h=0):
        self.facts["cost_pico"] = pico(model, inp, out, read, write, write1h)
        return self

    def write(self):
        base = os.path.join(HERE, self.name)
        os.makedirs(os.path.dirname(base), exist_ok=True)
        with open(base + ".req", "wb") as f:
            f.write(self.request)
        with open(base + ".res", "wb") as f:
            f.write(self.response)
        with open(base + ".facts", "w") as f:
            for key, value in list(self.steer.items()) + sorted(
                    self.facts.items()):
                if value is not None:
                    f.write("%s = %s\n" % (key, value))


def usage(inp, out, source="body", **more):
    """Facts of a whole and settled usage; input is all of it."""
    facts = {"input_tokens": inp, "usage_source": source,
             "usage_complete": 1, "total_tokens": inp + (out or 0)}
    if out is not None:
        facts["output_tokens"] = out
    facts.update(more)
    return facts
