"""Anthropic Claude, Messages API."""

IDS = r'anthropic\.claude-(?!v2|instant)'
KEYS = ({'anthropic_version', 'messages'},)
HEADERS = 'both'
CACHE = 'used'
CHAT = True

STOP = {'guardrail_intervened': 'end_turn', 'content_filtered': 'refusal'}


def short(model):
    name = model.rsplit('/', 1)[-1].split('anthropic.')[-1]
    return name.split('-v1')[0] if 'claude' in name else 'claude-sonnet-4-6'


def usage(c, output=None):
    u = c.usage
    out = {'input_tokens': c.num(u['input'])}

    if not c.omits('cache'):
        out['cache_creation_input_tokens'] = c.num(u['cache_write'])
        out['cache_read_input_tokens'] = c.num(u['cache_read'])
        out['cache_creation'] = {
            'ephemeral_5m_input_tokens':
                c.num(u['cache_write'] - u['cache_write_1h']),
            'ephemeral_1h_input_tokens': c.num(u['cache_write_1h'])}

    out['output_tokens'] = c.num(u['output'] if output is None else output)

    if u['reasoning'] and output is None:
        out['output_tokens_details'] = {
            'thinking_tokens': c.num(u['reasoning'])}

    if c.d.get('tier'):
        out['service_tier'] = c.d['tier']
    if c.d.get('unknown'):
        out['server_tool_use'] = {'web_search_requests': 0}

    return out


def guardrail(c, out):
    if c.d.get('guardrail'):
        out['amazon-bedrock-guardrailAction'] = (
            'INTERVENED' if c.intervened() else 'NONE')
        out['amazon-bedrock-trace'] = {
            'guardrail': c.guardrail_trace('input')}


def answer(c):
    content = []

    if c.thoughts:
        content.append({'type': 'thinking', 'thinking': c.think(),
                        'signature': c.id('Eq', 40)})
    if c.pieces:
        content.append({'type': 'text', 'text': c.whole()})
    for ident, name, args in c.tools:
        content.append({'type': 'tool_use',
                        'id': ident.replace('tooluse_', 'toolu_bdrk_'),
                        'name': name, 'input': args})

    out = {'id': c.id('msg_bdrk_01', 22), 'type': 'message',
           'role': 'assistant', 'model': short(c.model), 'content': content,
           'stop_reason': c.stop_as(STOP), 'stop_sequence': None}

    if not c.omits('usage'):
        out['usage'] = usage(c)
    guardrail(c, out)
    return out


def block(index, kind, **more):
    return {'type': 'content_block_start', 'index': index,
            'content_block': dict({'type': kind}, **more)}


def delta(index, kind, **more):
    return {'type': 'content_block_delta', 'index': index,
            'delta': dict({'type': kind}, **more)}


def chunks(c):
    message = {'id': c.id('msg_bdrk_01', 22), 'type': 'message',
               'role': 'assistant', 'model': short(c.model), 'content': [],
               'stop_reason': None, 'stop_sequence': None}
    if not c.omits('usage'):
        message['usage'] = usage(c, 1)

    yield {'type': 'message_start', 'message': message}, False

    index = 0

    if c.thoughts:
        yield block(index, 'thinking', thinking='', signature=''), False
        for text in c.thoughts:
            yield delta(index, 'thinking_delta', thinking=text), True
        yield delta(index, 'signature_delta',
                    signature=c.id('Eq', 40)), False
        yield {'type': 'content_block_stop', 'index': index}, False
        index += 1

    if c.pieces:
        yield block(index, 'text', text=''), False
        if c.d.get('unknown'):
            yield {'type': 'ping'}, False
        for text in c.pieces:
            yield delta(index, 'text_delta', text=text), True
        yield {'type': 'content_block_stop', 'index': index}, False
        index += 1

    for ident, name, args in c.tools:
        ident = ident.replace('tooluse_', 'toolu_bdrk_')
        yield block(index, 'tool_use', id=ident, name=name, input={}), False
        for part in fragments(args):
            yield delta(index, 'input_json_delta', partial_json=part), True
        yield {'type': 'content_block_stop', 'index': index}, False
        index += 1

    last = {'type': 'message_delta',
            'delta': {'stop_reason': c.stop_as(STOP), 'stop_sequence': None}}
    if not c.omits('usage'):
        full = usage(c)
        last['usage'] = (full if c.has_cache() or c.usage['reasoning']
                         else {'output_tokens': full['output_tokens']})
    yield last, False

    out = {'type': 'message_stop'}
    guardrail(c, out)
    yield out, False


def fragments(args):
    import json
    text = json.dumps(args, ensure_ascii=False)
    return ['', text[:5], text[5:]]
