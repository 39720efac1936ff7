"""Cohere Embed v3 and v4: tokens in the header only."""

from .titan_embed import vector

IDS = r'cohere\.embed'
KEYS = ({'input_type', 'texts'}, {'input_type', 'images'},
        {'input_type', 'inputs'})
HEADERS = 'input'
CACHE = 'never'
CHAT = False


def answer(c):
    v4 = 'v4' in c.model
    n = c.body.get('output_dimension') or (1536 if v4 else 1024)
    texts = c.body.get('texts') or []
    count = len(texts or c.body.get('images') or c.body.get('inputs') or [0])
    rows = [vector(n, i % 8) for i in range(count)]
    out = {'id': c.uuid(), 'texts': [str(t).lower() for t in texts]}
    kinds = c.body.get('embedding_types')

    if not kinds:
        return dict(out, embeddings=rows, response_type='embeddings_floats')

    made = {}
    for kind in kinds:
        made[kind] = rows if kind == 'float' else [
            [int(x * 127) for x in row] for row in rows]
    return dict(out, embeddings=made, response_type='embeddings_by_type')
