"""Embeddings."""

from corpus import Case, usage

TITAN = "amazon.titan-embed-text-v2:0"


def vector(n):
    return [round((i % 17 - 8) / 128, 8) for i in range(n)]


def cases():
    ask = {"inputText": "Wie heißt du?", "dimensions": 256, "normalize": True}
    facts = dict(operation="embeddings", step="generate_embeddings",
                 prompt_chars=13)
    hdr = [("X-Amzn-Bedrock-Input-Token-Count", 6),
           ("X-Amzn-Bedrock-Invocation-Latency", 55)]

    c = Case("titan-embed/v2", "invoke", TITAN, ask, "recorded")
    c.answer({"embedding": vector(256), "embeddingsByType": {
        "float": vector(256)}, "inputTextTokenCount": 6}, headers=hdr)
    c.expect(**facts, **usage(6, None), embedding_dimension=256,
             server_latency_ms=55)
    yield c.priced(TITAN, 6)

    c = Case("titan-embed/binary", "invoke", TITAN,
             dict(ask, embeddingTypes=["binary"]))
    c.answer({"embeddingsByType": {"binary": [0, 1] * 128},
              "inputTextTokenCount": 6})
    c.expect(**facts, **usage(6, None), embedding_dimension=256)
    yield c.priced(TITAN, 6)

    c = Case("titan-embed/float-count", "invoke", TITAN, ask)
    c.answer('{ "inputTextTokenCount" : 6.0 , "embedding" : [ ] }')
    c.expect(**facts, **usage(6, None), embedding_dimension=0)
    yield c.priced(TITAN, 6)

    c = Case("titan-embed/image", "invoke", "amazon.titan-embed-image-v1",
             {"inputImage": "aGVsbG8=", "embeddingConfig": {
                 "outputEmbeddingLength": 384}}, "recorded")
    c.answer({"embedding": vector(384), "inputTextTokenCount": 0,
              "message": None})
    c.expect(operation="embeddings", step="generate_embeddings",
             media_parts=1, **usage(0, None), embedding_dimension=384)
    yield c
