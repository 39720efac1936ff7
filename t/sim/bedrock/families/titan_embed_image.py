"""Amazon Titan Multimodal Embeddings."""

from .titan_embed import vector
from ..call import find

IDS = r'amazon\.titan-embed-image'
KEYS = ({'embeddingConfig'},)
HEADERS = 'input'
CACHE = 'never'
CHAT = False


def answer(c):
    n = find(c.body, 'embeddingConfig.outputEmbeddingLength') or 1024
    return {'embedding': vector(n, 1),
            'inputTextTokenCount': c.num(c.usage['input']), 'message': None}
