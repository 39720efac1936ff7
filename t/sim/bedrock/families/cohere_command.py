"""Cohere Command (text)."""

IDS = r'cohere\.command-(text|light)'
KEYS = ()
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'COMPLETE', 'stop_sequence': 'COMPLETE',
        'max_tokens': 'MAX_TOKENS', 'content_filtered': 'ERROR_TOXIC'}


def answer(c):
    return {'generations': [{'finish_reason': c.stop_as(STOP),
                             'id': c.uuid(), 'text': c.whole()}],
            'id': c.uuid(), 'prompt': str(c.body.get('prompt', ''))}


def chunks(c):
    for text in c.pieces:
        yield {'text': text, 'is_finished': False}, True
    yield {'is_finished': True, 'finish_reason': c.stop_as(STOP)}, False
