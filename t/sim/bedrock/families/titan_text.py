"""Amazon Titan Text."""

IDS = r'amazon\.titan-(text|tg1)'
KEYS = ({'inputText', 'textGenerationConfig'},)
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'FINISH', 'max_tokens': 'LENGTH',
        'stop_sequence': 'STOP_CRITERIA_MET',
        'content_filtered': 'CONTENT_FILTERED',
        'guardrail_intervened': 'CONTENT_FILTERED'}


def answer(c):
    return {'inputTextTokenCount': c.num(c.usage['input']),
            'results': [{'tokenCount': c.num(c.usage['output']),
                         'outputText': c.whole(),
                         'completionReason': c.stop_as(STOP)}]}


def chunks(c):
    for i, text in enumerate(c.pieces):
        last = i == len(c.pieces) - 1
        yield {'outputText': text, 'index': 0,
               'totalOutputTextTokenCount':
                   c.num(c.usage['output']) if last else None,
               'completionReason': c.stop_as(STOP) if last else None,
               'inputTextTokenCount':
                   c.num(c.usage['input']) if i == 0 else None}, True
