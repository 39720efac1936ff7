"""Meta Llama."""

IDS = r'meta\.llama'
KEYS = ({'prompt', 'max_gen_len'},)
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'stop', 'stop_sequence': 'stop', 'max_tokens': 'length'}


def answer(c):
    return {'generation': c.whole(),
            'prompt_token_count': c.num(c.usage['input']),
            'generation_token_count': c.num(c.usage['output']),
            'stop_reason': c.stop_as(STOP)}


def chunks(c):
    n = max(1, len(c.pieces))
    for i in range(n):
        last = i == n - 1
        yield {'generation': c.pieces[i] if c.pieces else '',
               'prompt_token_count':
                   c.num(c.usage['input']) if i == 0 else None,
               'generation_token_count':
                   c.num(c.usage['output'] * (i + 1) // n),
               'stop_reason': c.stop_as(STOP) if last else None}, True
