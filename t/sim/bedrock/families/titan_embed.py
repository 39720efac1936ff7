"""Amazon Titan Text Embeddings."""

import functools
import random

IDS = r'amazon\.titan-embed-(?!image)'
KEYS = ()
HEADERS = 'input'
CACHE = 'never'
CHAT = False


@functools.lru_cache(maxsize=256)
def vector(size, seed):
    rng = random.Random(seed)
    values = [rng.gauss(0, 1) for _ in range(size)]
    norm = sum(v * v for v in values) ** 0.5
    return [v / norm for v in values]


def size(c, key='dimensions', default=1024):
    n = c.body.get(key, default)
    return n if isinstance(n, int) and 0 < n <= 4096 else default


def answer(c):
    first = 1536 if 'text-v1' in c.model else 1024
    v = vector(size(c, default=first), len(str(c.body.get('inputText'))) % 64)
    kinds = c.body.get('embeddingTypes') or []
    out = {'embedding': v}

    if kinds:
        out['embeddingsByType'] = {}
        if 'float' in kinds:
            out['embeddingsByType']['float'] = v
        if 'binary' in kinds:
            out['embeddingsByType']['binary'] = [int(x > 0) for x in v]
            if 'float' not in kinds:
                del out['embedding']

    if not c.omits('usage'):
        out['inputTextTokenCount'] = c.num(c.usage['input'])
    return out
