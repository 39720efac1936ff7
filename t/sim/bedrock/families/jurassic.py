"""AI21 Jurassic-2 (end of life; no streams)."""

IDS = r'ai21\.j2'
KEYS = ({'prompt', 'maxTokens'},)
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'endoftext', 'stop_sequence': 'stop',
        'max_tokens': 'length'}


def answer(c):
    token = {'generatedToken': {'token': 'x', 'logprob': -0.1}}
    return {'id': 1234,
            'prompt': {'text': str(c.body.get('prompt', '')),
                       'tokens': [token] * min(c.usage['input'], 512)},
            'completions': [{'data': {'text': c.whole(), 'tokens': []},
                             'finishReason': {'reason': c.stop_as(STOP)}}]}
