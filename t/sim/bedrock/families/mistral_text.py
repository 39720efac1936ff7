"""Mistral, text completions (7B, Mixtral, Small and Large 2402)."""

IDS = r'mistral\.(mistral-7b|mixtral|mistral-small-2402|mistral-large-2402)'
KEYS = ()
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'stop', 'stop_sequence': 'stop', 'max_tokens': 'length'}


def answer(c):
    return {'outputs': [{'text': c.whole(), 'stop_reason': c.stop_as(STOP)}]}


def chunks(c):
    for i, text in enumerate(c.pieces):
        last = i == len(c.pieces) - 1
        yield {'outputs': [{'text': text,
                            'stop_reason': c.stop_as(STOP) if last
                            else None}]}, True
