"""Cohere Command R and R+."""

IDS = r'cohere\.command-r'
KEYS = ({'message'},)
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'COMPLETE', 'stop_sequence': 'STOP_SEQUENCE',
        'max_tokens': 'MAX_TOKENS', 'content_filtered': 'ERROR_TOXIC'}


def answer(c):
    text = c.whole()
    return {'response_id': c.uuid(), 'text': text,
            'generation_id': c.uuid(),
            'chat_history': [
                {'role': 'USER', 'message': str(c.body.get('message', ''))},
                {'role': 'CHATBOT', 'message': text}],
            'finish_reason': c.stop_as(STOP)}


def chunks(c):
    for text in c.pieces:
        yield {'event_type': 'text-generation', 'text': text,
               'is_finished': False}, True
    yield {'event_type': 'stream-end', 'is_finished': True,
           'finish_reason': c.stop_as(STOP), 'response': answer(c)}, False
