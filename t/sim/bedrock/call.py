"""One model call: what was asked, what it will be answered, what it costs.

A call is steered by a directive, taken from three places, later ones win:
  X-Sim-Directive: {"events":100}         the whole directive as JSON
  X-Sim-Delay-Ms: 5                       one key (- becomes _)
  sim:{"events":100,"delay_ms":5}         anywhere in a string of the body

Keys (all optional)
  text            the whole visible answer            unicode   non-ASCII too
  events          pieces of visible text (5)          piece     bytes of each
  delay_ms        pause before each piece (0)         burst     pieces a pause
  first_ms        pause before the response head      write     bytes a write
  input output reasoning cache_read cache_write cache_write_1h    tokens
  ttl             "5m" or "1h": kind of cache_write
  tools           names, or how many
  stop            stop reason in Converse's words, or any other as it is
  guardrail       true, or "intervened"               router    invoked model
  tier latency    echoed service tier, latency mode
  omit            of usage, metrics, headers, cache: what is not reported
  disagree        added to the metrics block's output tokens
  float           token counts as floats              unknown   unmodelled keys
  pad             false: no `p` padding               sort      order of keys
  encoding        gzip or deflate the body            content_type  override
  seed            makes ids, padding and latencies repeatable
  close           close the connection afterwards
  fail            see below        fail_at   frame at which a stream fails
  fail_times      fail only the first attempts of an SDK's call
  stall_ms retry_after exception message status      details of failures
"""

import json
import random
import re

WORDS = ('The gateway reads what passes and counts every token of it '
         'without touching a byte so the answer that you see here is the '
         'answer that was sent').split()
UNICODE = ('naïve', 'café', '日本語', '🙂', '“quoted”', 'a\\b', 'tab\there',
           'line\nbreak', '\u2028')

ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789'

TOKENS = ('input', 'output', 'cache_read', 'cache_write', 'cache_write_1h',
          'reasoning')


def strings(value):
    """Every string of a JSON value, in order, without recursion limits."""
    stack = [value]

    while stack:
        v = stack.pop()
        if isinstance(v, str):
            yield v
        elif isinstance(v, dict):
            stack.extend(reversed(list(v.values())))
        elif isinstance(v, list):
            stack.extend(reversed(v))


def scalar(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def directive(headers, body, parsed):
    d = {}

    if 'x-sim-directive' in headers:
        value = scalar(headers['x-sim-directive'])
        if isinstance(value, dict):
            d.update(value)

    for name, value in headers.items():
        if name.startswith('x-sim-') and name != 'x-sim-directive':
            d[name[6:].replace('-', '_')] = scalar(value)

    if b'sim:{' in body and parsed is not None:
        for text in strings(parsed):
            at = text.find('sim:{')
            if at < 0:
                continue
            try:
                value, _ = json.JSONDecoder().raw_decode(text, at + 4)
            except ValueError:
                continue
            d.update(value)

    return d


def find(body, *paths):
    """The first of some dotted paths that is there."""
    for path in paths:
        v = body
        for key in path.split('.'):
            v = v.get(key) if isinstance(v, dict) else None
        if v is not None:
            return v
    return None


MAX_TOKENS = ('max_tokens', 'inferenceConfig.maxTokens', 'max_gen_len',
              'inferenceConfig.max_new_tokens', 'maxTokens',
              'textGenerationConfig.maxTokenCount', 'max_tokens_to_sample',
              'max_completion_tokens')


class Call:
    def __init__(self, model, operation, body, d, seed):
        self.model = model
        self.operation = operation
        self.body = body
        self.d = d
        self.rng = random.Random(str(d.get('seed', seed)))
        self.events = max(0, int(d.get('events', 5)))
        self.tools = self.tool_calls(d.get('tools') or [])
        self.usage = dict.fromkeys(TOKENS, 0)
        self.pieces = self.text()
        self.thoughts = []
        self.tokens()
        self.stop = d.get('stop') or self.stop_reason()
        self.latency = int(d.get('first_ms', 0)) + self.rng.randint(20, 90)
        self.latency += int(self.events * float(d.get('delay_ms', 0)))
        self.first = int(d.get('first_ms', 0)) + self.rng.randint(5, 20)

    def uuid(self):
        h = '%032x' % self.rng.getrandbits(128)
        return '-'.join((h[:8], h[8:12], h[12:16], h[16:20], h[20:]))

    def id(self, prefix, n=24):
        return prefix + ''.join(self.rng.choices(ALPHABET, k=n))

    def text(self):
        d = self.d
        if 'text' in d:
            text = str(d['text'])
            n = max(1, min(self.events, len(text)))
            size = -(-len(text) // n) or 1
            return [text[i:i + size] for i in range(0, len(text), size)]

        words = WORDS + list(UNICODE) if d.get('unicode') else WORDS
        out = []
        for i in range(self.events):
            word = words[i % len(words)]
            size = int(d.get('piece', 0))
            if size:
                word = (word + ' ') * (size // (len(word) + 1) + 1)
                word = word[:max(1, size - 1)]
            out.append(word if i == 0 else ' ' + word)
        return out

    def tool_calls(self, names):
        if isinstance(names, int):
            names = ['search', 'calculator', 'lookup'][:names] or []
        return [(self.id('tooluse_', 22), str(n), {'q': 'naïve "x"', 'n': i})
                for i, n in enumerate(names)]

    def tokens(self):
        d = self.d
        u = self.usage
        prompt = sum(len(s) for s in strings(self.body))
        limit = find(self.body, *MAX_TOKENS)
        visible = sum(len(p) for p in self.pieces)

        u['input'] = int(d.get('input', max(1, -(-prompt // 4))))
        u['reasoning'] = int(d.get('reasoning', 0))
        made = -(-visible // 4) + 24 * len(self.tools) + u['reasoning']
        self.capped = (isinstance(limit, int) and made > limit
                       and 'output' not in d)
        u['output'] = int(d.get('output', limit if self.capped else made))
        u['cache_read'] = int(d.get('cache_read', 0))
        u['cache_write_1h'] = int(d.get('cache_write_1h', 0))
        u['cache_write'] = int(d.get('cache_write', u['cache_write_1h']))

        if d.get('ttl') == '1h' and 'cache_write_1h' not in d:
            u['cache_write_1h'] = u['cache_write']

        if u['reasoning']:
            self.thoughts = ['Let me', ' think', ' about it.']

    def stop_reason(self):
        if self.d.get('guardrail') == 'intervened':
            return 'guardrail_intervened'
        if self.tools:
            return 'tool_use'
        return 'max_tokens' if self.capped else 'end_turn'

    def only_input(self, counted=True):
        """Embeddings make no output, reranking counts no tokens."""
        for key in TOKENS:
            if key != 'input' or not counted:
                self.usage[key] = 0

    # what families ask for

    def num(self, n):
        return float(n) if self.d.get('float') else int(n)

    def omits(self, what):
        return what in (self.d.get('omit') or ())

    def has_cache(self):
        return any(self.usage[k] for k in ('cache_read', 'cache_write'))

    def whole(self):
        return ''.join(self.pieces)

    def think(self):
        return ''.join(self.thoughts)

    def stop_as(self, table):
        return table.get(self.stop, self.stop)

    def inclusive(self):
        """Input with both cache parts, as OpenAI-shaped bodies count."""
        u = self.usage
        return u['input'] + u['cache_read'] + u['cache_write']

    def intervened(self):
        return self.d.get('guardrail') == 'intervened'

    def guardrail_trace(self, key='inputAssessment'):
        g = self.rng.randint(20, 60)
        verdict = {'topicPolicy': {'topics': [
            {'name': 'finance', 'type': 'DENY', 'action': 'BLOCKED',
             'detected': True}]}} if self.intervened() else {}
        verdict['contextualGroundingPolicy'] = {'filters': [
            {'type': 'GROUNDING', 'threshold': 0.5, 'score': 0.91,
             'action': 'NONE', 'detected': False},
            {'type': 'RELEVANCE', 'threshold': 0.5, 'score': 0.87,
             'action': 'NONE', 'detected': False}]}
        verdict['invocationMetrics'] = {
            'guardrailProcessingLatency': g,
            'usage': {'topicPolicyUnits': 1, 'contentPolicyUnits': 0,
                      'wordPolicyUnits': 0,
                      'sensitiveInformationPolicyUnits': 0,
                      'sensitiveInformationPolicyFreeUnits': 0,
                      'contextualGroundingPolicyUnits': 1}}
        return {key: {'gr1example': verdict}}

    def metrics(self):
        """amazon-bedrock-invocationMetrics of an invoke stream."""
        u = self.usage
        m = {'inputTokenCount': self.num(u['input']),
             'outputTokenCount': self.num(u['output']
                                          + int(self.d.get('disagree', 0))),
             'invocationLatency': self.latency,
             'firstByteLatency': self.first}
        if self.has_cache():
            m['cacheReadInputTokenCount'] = self.num(u['cache_read'])
            m['cacheWriteInputTokenCount'] = self.num(u['cache_write'])
        return m


MODEL_PATH = re.compile(
    r'^(?P<prefix>.*)/model/(?P<model>[^/]+)/'
    r'(?P<op>invoke|invoke-with-response-stream|converse|converse-stream'
    r'|count-tokens)$')

OPERATIONS = {
    'invoke': 'InvokeModel',
    'invoke-with-response-stream': 'InvokeModelWithResponseStream',
    'converse': 'Converse',
    'converse-stream': 'ConverseStream',
    'count-tokens': 'CountTokens',
}
