"""Converse and ConverseStream: one shape for all chat models."""

import json

from . import frames


def usage(c):
    u = c.usage
    out = {'inputTokens': c.num(u['input']),
           'outputTokens': c.num(u['output']),
           'totalTokens': c.num(u['input'] + u['output'] + u['cache_read']
                                + u['cache_write'])}

    if not c.omits('cache'):
        out['cacheReadInputTokens'] = c.num(u['cache_read'])
        out['cacheWriteInputTokens'] = c.num(u['cache_write'])

    if u['cache_write'] and not c.omits('cache'):
        parts = (('1h', u['cache_write_1h']),
                 ('5m', u['cache_write'] - u['cache_write_1h']))
        out['cacheDetails'] = [{'ttl': t, 'inputTokens': c.num(n)}
                               for t, n in parts if n]

    if c.d.get('unknown'):
        out['serverToolUsage'] = {}
        out['cacheReadInputTokenCount'] = c.num(u['cache_read'])
        out['cacheWriteInputTokenCount'] = c.num(u['cache_write'])

    return out


def tail(c):
    """What a plain answer has at its top and a stream in `metadata`."""
    out = {'metrics': {'latencyMs': c.latency}}
    trace = {}

    if not c.omits('usage'):
        out['usage'] = usage(c)

    if c.d.get('guardrail') or c.body.get('guardrailConfig'):
        trace['guardrail'] = c.guardrail_trace()
    if c.d.get('router'):
        trace['promptRouter'] = {'invokedModelId': c.d['router']}
    if trace:
        out['trace'] = trace

    tier = c.d.get('tier') or (c.body.get('serviceTier') or {}).get('type')
    mode = (c.d.get('latency')
            or (c.body.get('performanceConfig') or {}).get('latency'))
    if tier:
        out['serviceTier'] = {'type': tier}
    if mode:
        out['performanceConfig'] = {'latency': mode}

    return out


def answer(c):
    content = []

    if c.thoughts:
        content.append({'reasoningContent': {'reasoningText': {
            'text': c.think(), 'signature': c.id('Eq', 40)}}})
    if c.pieces:
        content.append({'text': c.whole()})
    for ident, name, args in c.tools:
        content.append({'toolUse': {'toolUseId': ident, 'name': name,
                                    'input': args}})

    out = tail(c)
    out['output'] = {'message': {'role': 'assistant', 'content': content}}
    out['stopReason'] = c.stop
    return out


def delta(index, **what):
    return ('contentBlockDelta',
            {'contentBlockIndex': index, 'delta': what}, True)


def stop(index):
    return ('contentBlockStop', {'contentBlockIndex': index}, False)


def events(c):
    """(event name, payload, is it visible output)"""
    index = 0
    yield 'messageStart', {'role': 'assistant'}, False

    if c.thoughts:
        for text in c.thoughts:
            yield delta(index, reasoningContent={'text': text})
        yield delta(index,
                    reasoningContent={'signature': c.id('Eq', 40)})
        yield stop(index)
        index += 1

    if c.pieces:
        for text in c.pieces:
            yield delta(index, text=text)
        yield stop(index)
        index += 1

    for ident, name, args in c.tools:
        yield ('contentBlockStart',
               {'contentBlockIndex': index,
                'start': {'toolUse': {'toolUseId': ident, 'name': name}}},
               False)
        text = json.dumps(args, ensure_ascii=False)
        for part in (text[:5], text[5:]):
            yield delta(index, toolUse={'input': part})
        yield stop(index)
        index += 1

    if c.d.get('unknown'):
        yield 'somethingNew', {'value': {'usage': {'inputTokens': 1}}}, False

    yield 'messageStop', {'stopReason': c.stop}, False
    yield 'metadata', tail(c), False


def frame(name, payload, pad):
    if pad:
        payload = dict(payload, p=pad)
    return frames.event(name, frames.dumps(payload, sort=True))
