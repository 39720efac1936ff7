"""OpenAI-shaped: gpt-oss, GPT, DeepSeek V3, Qwen, Kimi, GLM, MiniMax,
Nemotron, Gemma, Grok, Palmyra, marketplace and imported models."""

import json

IDS = (r'((openai|qwen|minimax|moonshot(ai)?|zai|nvidia|google|xai|writer)\.'
       r'|deepseek\.v)')
KEYS = ({'messages'},)
HEADERS = 'both'
CACHE = 'never'
CHAT = True

STOP = {'end_turn': 'stop', 'stop_sequence': 'stop', 'max_tokens': 'length',
        'tool_use': 'tool_calls', 'content_filtered': 'content_filter',
        'guardrail_intervened': 'content_filter'}


def usage(c):
    u = c.usage
    out = {'prompt_tokens': c.num(c.inclusive()),
           'completion_tokens': c.num(u['output']),
           'total_tokens': c.num(c.inclusive() + u['output'])}
    if c.has_cache():
        out['prompt_tokens_details'] = {
            'cached_tokens': c.num(u['cache_read']),
            'cache_write_tokens': c.num(u['cache_write'])}
    if u['reasoning']:
        out['completion_tokens_details'] = {
            'reasoning_tokens': c.num(u['reasoning'])}
    return out


def name(c):
    return c.model.rsplit('/', 1)[-1]


def call(i, tool):
    ident, title, args = tool
    return {'index': i, 'id': ident, 'type': 'function',
            'function': {'name': title, 'arguments': json.dumps(args)}}


def answer(c, stop_key='finish_reason'):
    text = c.whole()
    message = {'role': 'assistant', 'content': text}
    if c.thoughts:
        if 'gpt-oss' in c.model:
            message['content'] = ('<reasoning>%s</reasoning>%s'
                                  % (c.think(), text))
        else:
            message['reasoning_content'] = c.think()
    if c.tools:
        message['tool_calls'] = [call(i, t) for i, t in enumerate(c.tools)]

    out = {'id': c.id('chatcmpl-'), 'object': 'chat.completion',
           'created': 1795392000, 'model': name(c),
           'choices': [{'index': 0, 'message': message,
                        stop_key: c.stop_as(STOP), 'logprobs': None}]}
    if c.d.get('tier'):
        out['service_tier'] = c.d['tier']
    if not c.omits('usage'):
        out['usage'] = usage(c)
    return out


def chunks(c, stop_key='finish_reason'):
    ident = c.id('chatcmpl-')

    def chunk(delta, stop=None):
        return {'id': ident, 'object': 'chat.completion.chunk',
                'created': 1795392000, 'model': name(c),
                'choices': [{'index': 0, 'delta': delta, stop_key: stop}]}

    yield chunk({'role': 'assistant', 'content': ''}), False
    for text in c.thoughts:
        yield chunk({'reasoning_content': text}), True
    for text in c.pieces:
        yield chunk({'content': text}), True
    for i, tool in enumerate(c.tools):
        yield chunk({'tool_calls': [call(i, tool)]}), True

    last = chunk({}, c.stop_as(STOP))
    if not c.omits('usage'):
        last['usage'] = usage(c)
    yield last, False
