"""Amazon Nova."""

IDS = r'amazon\.nova-(?!.*embed|canvas|reel|sonic)'
KEYS = ({'messages', 'schemaVersion'}, {'messages', 'inferenceConfig'})
HEADERS = 'both'
CACHE = 'always'
CHAT = True


def usage(c, total=False):
    u = c.usage
    out = {'inputTokens': c.num(u['input']),
           'outputTokens': c.num(u['output'])}
    if total:
        out['totalTokens'] = c.num(c.inclusive() + u['output'])
    if not c.omits('cache'):
        out['cacheReadInputTokenCount'] = c.num(u['cache_read'])
        out['cacheWriteInputTokenCount'] = c.num(u['cache_write'])
    return out


def content(c):
    out = []
    if c.thoughts:
        out.append({'reasoningContent': {'reasoningText': {
            'text': c.think()}}})
    if c.pieces:
        out.append({'text': c.whole()})
    for ident, name, args in c.tools:
        out.append({'toolUse': {'toolUseId': ident, 'name': name,
                                'input': args}})
    return out


def answer(c):
    out = {'output': {'message': {'content': content(c),
                                  'role': 'assistant'}},
           'stopReason': c.stop}
    if not c.omits('usage'):
        out['usage'] = usage(c, total=True)
    return out


def delta(index, **what):
    return {'contentBlockDelta': {'delta': what, 'contentBlockIndex': index}}


def chunks(c):
    import json

    yield {'messageStart': {'role': 'assistant'}}, False
    index = 0

    for texts, wrap in ((c.thoughts, True), (c.pieces, False)):
        if not texts:
            continue
        for text in texts:
            what = {'reasoningContent': {'text': text}} if wrap \
                else {'text': text}
            yield delta(index, **what), True
        yield {'contentBlockStop': {'contentBlockIndex': index}}, False
        index += 1

    for ident, name, args in c.tools:
        yield {'contentBlockStart': {
            'start': {'toolUse': {'toolUseId': ident, 'name': name}},
            'contentBlockIndex': index}}, False
        yield delta(index, toolUse={'input': json.dumps(args)}), True
        yield {'contentBlockStop': {'contentBlockIndex': index}}, False
        index += 1

    yield {'messageStop': {'stopReason': c.stop}}, False
    meta = {'metrics': {}, 'trace': {}}
    if not c.omits('usage'):
        meta = dict({'usage': usage(c)}, **meta)
    yield {'metadata': meta}, False
