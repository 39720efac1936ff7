"""What the cases of APIs beside Bedrock's own paths share."""

from corpus import Case, RATES, REQUEST_ID, compact

RATES.update({
    "claude-sonnet-4-6": (3, 15, 0.3, 3.75, 6, 100),
    "claude-sonnet-4-5@20250929": (3, 15, 0.3, 3.75, 6, 100),
    "gpt-5.4": (2.5, 15, 0.25, 0, 0, 100),
    "openai.gpt-oss-120b": (0.15, 0.6, 0, 0, 0, 100),
})

CHAT = dict(operation="chat", step="llm_generation")
TEXT = dict(operation="text_completion", step="llm_generation")
EMBED = dict(operation="embeddings", step="generate_embeddings")
RERANK = dict(operation="rerank", step="rerank_documents")
SEARCH = dict(operation="retrieval", step="vector_search")
COUNT = dict(operation="count_tokens", skip="not_billed")
ASYNC = dict(operation="async_invoke", skip="not_billed")


class Direct(Case):
    """A call of any API: what it is said in full."""

    def __init__(self, name, api, op, path, host, body=b"", provider=None,
                 method="POST", end="complete", headers=(), **facts):
        self.name = name
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else compact(body)).encode()
        head = ["%s %s HTTP/1.1" % (method, path), "Host: " + host]
        if body:
            head.append("Content-Type: application/json")
        head += ["%s: %s" % h for h in headers]
        head.append("Content-Length: %d" % len(body))
        self.request = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        self.response = b""
        self.steer = {".shape": "made", ".end": end}
        self.facts = dict(api=api, op=op, provider=provider or api,
                          path=path.split("?")[0], **facts)

    def answer(self, body, status="200 OK", ctype="application/json",
               headers=(), rid="x-request-id"):
        if isinstance(body, list):
            body = b"".join(body)
            if ctype == "application/json":
                ctype = "text/event-stream; charset=utf-8"
            self.facts["streamed"] = 1
        if not isinstance(body, (bytes, str)):
            body = compact(body)
        if isinstance(body, str):
            body = body.encode()
        head = ["HTTP/1.1 " + status, "Date: Mon, 23 Nov 2026 12:00:00 GMT"]
        if rid:
            head.append("%s: %s" % (rid, REQUEST_ID))
            self.facts["request_id"] = REQUEST_ID
        if ctype:
            head.append("Content-Type: " + ctype)
        head += ["%s: %s" % h for h in headers]
        self.response = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        self.facts["status"] = int(status[:3])
        return self

    def estimated(self):
        """As nginx does with a stream that never told its usage."""
        self.steer[".estimate"] = 1
        return self

    def failed(self, kind, message=None, **more):
        return self.expect(error=1, error_type=kind, error_origin="upstream",
                           error_message=message, **more)


def sse(doc, event=None, eol="\n"):
    if not isinstance(doc, str):
        doc = compact(doc)
    head = "event: %s%s" % (event, eol) if event else ""
    return ("%sdata: %s%s%s" % (head, doc, eol, eol)).encode()


def line(doc):
    return (compact(doc) + "\n").encode()


def vector(n):
    return [i / 64 for i in range(n)]
