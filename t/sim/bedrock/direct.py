"""The mimicked APIs: OpenAI chat, Responses and embeddings, Anthropic
Messages; on Bedrock's own hosts or direct. Streams are Server-Sent Events.

  /v1/chat/completions  /v1/responses  /v1/embeddings  /v1/messages
  below any prefix (/openai, /anthropic, /team-a ...), the model in the body.
"""

import re

from . import frames
from .families import claude, openai, titan_embed

JSON = 'application/json'
SSE = 'text/event-stream; charset=utf-8'

PATH = re.compile(r'^(?P<prefix>.*)/v1/'
                  r'(?P<op>chat/completions|responses|embeddings|messages)$')

# Bedrock's words for a failure in each API's own
ANTHROPIC = {400: 'invalid_request_error', 401: 'authentication_error',
             402: 'billing_error', 403: 'permission_error',
             404: 'not_found_error', 408: 'timeout_error',
             413: 'request_too_large', 424: 'api_error',
             429: 'rate_limit_error', 500: 'api_error',
             503: 'overloaded_error'}
OPENAI = {400: 'invalid_request_error', 401: 'authentication_error',
          402: 'insufficient_quota', 403: 'permission_error',
          404: 'not_found_error', 429: 'rate_limit_exceeded',
          500: 'server_error', 503: 'server_error'}


def sse(value, event=None, done=False):
    data = b'[DONE]' if done else frames.dumps(value)
    head = b'event: %s\n' % event.encode() if event else b''
    return head + b'data: ' + data + b'\n\n'


class Direct:
    def __init__(self, c):
        self.c = c
        self.stream = bool(c.body.get('stream'))

    def refuse(self, body):
        if not isinstance(body, dict) or not body.get('model'):
            return 400, 'invalid_request_error', 'model: field required'
        return None

    def headers(self, entry):
        return [('Content-Type', SSE if self.stream else JSON),
                (self.request_header, entry['request_id'])]

    def spoil(self, fail, frame):
        return frame.replace(b'":', b'"', 1)


class Messages(Direct):
    """Anthropic Messages."""

    request_header = 'request-id'

    def error(self, rid, status, kind, message):
        return ([('Content-Type', JSON), ('request-id', rid)],
                frames.dumps(dict(self.problem(status, message),
                                  request_id=rid)))

    @staticmethod
    def problem(status, message):
        return {'type': 'error', 'error': {
            'type': ANTHROPIC.get(status, 'api_error'), 'message': message}}

    def value(self):
        return dict(claude.answer(self.c), model=self.c.model)

    def frames(self):
        for value, visible in claude.chunks(self.c):
            if value['type'] == 'message_start':
                value['message']['model'] = self.c.model
            yield sse(value, value['type']), visible

    def broken(self, fail):
        return sse(self.problem(503, 'Overloaded'), 'error')


class OpenAI(Direct):
    request_header = 'x-request-id'

    def error(self, rid, status, kind, message):
        return ([('Content-Type', JSON), ('x-request-id', rid)],
                frames.dumps(self.problem(status, message)))

    @staticmethod
    def problem(status, message):
        kind = OPENAI.get(status, 'server_error')
        return {'error': {'message': message, 'type': kind, 'param': None,
                          'code': kind}}

    def broken(self, fail):
        return sse(self.problem(500, 'The server had an error'))


class Chat(OpenAI):
    def value(self):
        return openai.answer(self.c)

    def frames(self):
        c = self.c
        include = (c.body.get('stream_options') or {}).get('include_usage')
        usage = None

        for value, visible in openai.chunks(c):
            usage = value.pop('usage', None)
            if include:
                value['usage'] = None
            if c.d.get('obfuscation'):
                value['obfuscation'] = frames.PAD[:c.rng.randint(1, 16)]
            yield sse(value), visible

        if include and usage:
            yield sse(dict(value, choices=[], usage=usage)), False
        yield sse(None, done=True), False


class Responses(OpenAI):
    def usage(self):
        c, u = self.c, self.c.usage
        return {'input_tokens': c.num(c.inclusive()),
                'input_tokens_details': {
                    'cached_tokens': c.num(u['cache_read']),
                    'cache_write_tokens': c.num(u['cache_write'])},
                'output_tokens': c.num(u['output']),
                'output_tokens_details': {
                    'reasoning_tokens': c.num(u['reasoning'])},
                'total_tokens': c.num(c.inclusive() + u['output'])}

    def output(self):
        c = self.c
        out = []
        if c.thoughts:
            out.append({'type': 'reasoning', 'id': 'rs_1', 'summary': []})
        if c.pieces:
            out.append({'type': 'message', 'id': 'msg_1',
                        'role': 'assistant', 'status': 'completed',
                        'content': [{'type': 'output_text',
                                     'text': c.whole(), 'annotations': []}]})
        for ident, name, args in c.tools:
            out.append({'type': 'function_call', 'call_id': ident,
                        'name': name, 'status': 'completed',
                        'arguments': frames.dumps(args).decode()})
        return out

    def response(self, status, whole):
        c = self.c
        cut = c.stop == 'max_tokens'
        if whole and cut:
            status = 'incomplete'
        out = {'id': self.ident, 'object': 'response', 'status': status,
               'created_at': 1795392000, 'model': c.model, 'error': None,
               'incomplete_details': {'reason': 'max_output_tokens'}
               if whole and cut else None,
               'output': self.output() if whole else [], 'usage': None}
        if whole and not c.omits('usage'):
            out['usage'] = self.usage()
        return out

    def value(self):
        self.ident = self.c.id('resp_')
        return self.response('completed', True)

    def frames(self):
        c = self.c
        self.ident = c.id('resp_')
        number = 0

        def event(kind, **more):
            nonlocal number
            number += 1
            return sse(dict({'type': kind, 'sequence_number': number - 1},
                            **more), kind)

        started = self.response('in_progress', False)
        yield event('response.created', response=started), False
        yield event('response.in_progress', response=started), False

        for i, item in enumerate(self.output()):
            yield event('response.output_item.added', output_index=i,
                        item=dict(item, status='in_progress')), False
            if item['type'] == 'message':
                for text in c.pieces:
                    yield event('response.output_text.delta', output_index=i,
                                content_index=0, item_id='msg_1',
                                delta=text), True
            elif item['type'] == 'function_call':
                yield event('response.function_call_arguments.delta',
                            output_index=i, delta=item['arguments']), True
            yield event('response.output_item.done', output_index=i,
                        item=item), False

        last = self.response('completed', True)
        yield event('response.' + last['status'], response=last), False


class Embeddings(OpenAI):
    def refuse(self, body):
        self.stream = False
        self.c.only_input()
        return Direct.refuse(self, body)

    def value(self):
        c = self.c
        texts = c.body.get('input')
        n = len(texts) if isinstance(texts, list) else 1
        size = titan_embed.size(c, default=1536)
        u = c.num(c.usage['input'])
        return {'object': 'list', 'model': c.model, 'data': [
            {'object': 'embedding', 'index': i,
             'embedding': titan_embed.vector(size, i)} for i in range(n)],
            'usage': {'prompt_tokens': u, 'total_tokens': u}}


SURFACES = {'chat/completions': Chat, 'responses': Responses,
            'embeddings': Embeddings, 'messages': Messages}
OPERATIONS = {'chat/completions': 'ChatCompletions', 'responses': 'Responses',
              'embeddings': 'Embeddings', 'messages': 'Messages'}
