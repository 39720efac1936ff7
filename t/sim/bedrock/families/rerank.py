"""Cohere and Amazon Rerank: billed by query, no tokens."""

IDS = r'(cohere|amazon)\.rerank'
KEYS = ({'query', 'documents'},)
HEADERS = 'none'
CACHE = 'never'
CHAT = False


def answer(c):
    docs = c.body.get('documents') or []
    top = c.body.get('top_n') or len(docs)
    order = sorted(range(len(docs)), key=lambda i: (i * 7919) % 101)
    return {'results': [{'index': i, 'relevance_score':
                         round(0.95 - 0.07 * rank, 4)}
                        for rank, i in enumerate(order[:top])]}
