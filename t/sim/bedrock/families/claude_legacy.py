"""Anthropic Claude 2 and Instant, text completions."""

IDS = r'anthropic\.claude-(v2|instant)'
KEYS = ({'prompt', 'max_tokens_to_sample'},)
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'stop_sequence'}


def answer(c):
    return {'type': 'completion', 'completion': c.whole(),
            'stop_reason': c.stop_as(STOP), 'stop': '\n\nHuman:'}


def chunks(c):
    for text in c.pieces:
        yield {'type': 'completion', 'completion': text, 'stop_reason': None,
               'stop': None}, True
    yield {'type': 'completion', 'completion': '',
           'stop_reason': c.stop_as(STOP), 'stop': '\n\nHuman:'}, False
