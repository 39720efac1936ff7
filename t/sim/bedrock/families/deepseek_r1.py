"""DeepSeek R1, text completions."""

IDS = r'deepseek\.r1'
KEYS = ()
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'stop', 'stop_sequence': 'stop', 'max_tokens': 'length'}


def answer(c):
    return {'choices': [{'text': c.think() + c.whole(),
                         'stop_reason': c.stop_as(STOP)}]}


def chunks(c):
    for text in c.thoughts + c.pieces:
        yield {'choices': [{'text': text, 'stop_reason': None}]}, True
    yield {'choices': [{'text': '', 'stop_reason': c.stop_as(STOP)}]}, False
