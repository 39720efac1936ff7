"""Amazon Nova Multimodal Embeddings: tokens in the header only."""

from .titan_embed import vector
from ..call import find

IDS = r'amazon\.nova-.*embed'
KEYS = ({'taskType', 'singleEmbeddingParams'},)
HEADERS = 'input'
CACHE = 'never'
CHAT = False


def answer(c):
    n = find(c.body, 'singleEmbeddingParams.embeddingDimension') or 3072
    return {'embeddings': [{'embeddingType': 'TEXT',
                            'embedding': vector(n, 2)}]}
