#!/usr/bin/env python3
"""Anthropic's and OpenAI's SDKs, unmodified, against the simulator and
through nginx: they must see the same, and AnthropicBedrock's calls (raw colons
in the path) must become spans. TAP; skipped unless `install.sh python-full`
was run.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import sdk                                  # noqa: E402  (finds t/sim)
import harness                              # noqa: E402

HAIKU = 'us.anthropic.claude-3-haiku-20240307-v1:0'
TEXT = 'Grüße, 世界 🙂.'
SHA = hashlib.sha256(TEXT.encode()).hexdigest()


def ask(op, name, model, key='messages', extra=None, **d):
    d = dict({'input': 20, 'output': 9, 'cache_read': 100, 'text': TEXT}, **d)
    prompt = 'hello sim:' + json.dumps(d)
    params = {'model': model}
    if key == 'messages':
        params['messages'] = [{'role': 'user', 'content': prompt}]
    else:
        params[key] = prompt
    if op in ('messages', 'bedrock'):
        params['max_tokens'] = 500
    params.update(extra or {})
    return {'name': op + ': ' + name, 'op': op, 'params': params}


def cases():
    """(call, expected usage or exception)"""
    stream = {'stream': True}
    asked = {'stream': True, 'stream_options': {'include_usage': True}}
    claude = {'input_tokens': 20, 'output_tokens': 9,
              'cache_read_input_tokens': 100}
    chat = {'prompt_tokens': 120, 'completion_tokens': 9}
    responses = {'input_tokens': 120, 'output_tokens': 9}
    out = []

    for op, model in (('messages', 'claude-sonnet-4-6'), ('bedrock', HAIKU),
                      ('bedrock', sdk.ARN)):
        out += [(ask(op, 'plain', model), claude),
                (ask(op, 'stream', model, extra=stream), claude),
                (ask(op, 'tools', model, tools=['search']), claude)]
    for op, error in (('messages', 'RateLimitError'),
                      ('bedrock', 'RateLimitError')):
        out.append((ask(op, 'throttled', HAIKU, fail='throttle'), error))

    gpt = 'gpt-6.1-sol'
    return out + [
        (ask('chat', 'plain', gpt), chat),
        (ask('chat', 'stream', gpt, extra=stream), {}),
        (ask('chat', 'stream with usage', gpt, extra=asked), chat),
        (ask('chat', 'refused', gpt, fail='validation'), 'BadRequestError'),
        (ask('responses', 'plain', gpt, 'input'), responses),
        (ask('responses', 'stream', gpt, 'input', stream), responses),
        (ask('embeddings', 'plain', 'text-embedding-3-small', 'input'),
         {'prompt_tokens': 20})]


def check(way, sim, endpoint):
    sim.reset()
    todo = cases()
    results = harness.run_client('full', [c for c, _ in todo], endpoint)

    for (call, want), r in zip(todo, results):
        if isinstance(want, str):
            good = not r['ok'] and r['exception'] == want
        else:
            good = (r['ok'] and all(r['usage'].get(k) == v
                                    for k, v in want.items())
                    and (r['op'] == 'embeddings'
                         or r['text_sha256'] == SHA))
        sdk.ok(good, '%s, %s' % (way, call['name']), r)

    calls = sim.calls()
    bad = [c for c in calls if c.get('error') == 'InvalidSignatureException']
    sdk.ok(not bad, way + ', every signature is right', bad[:1])
    return calls


def main():
    if not harness.full_client():
        print('1..0 # SKIP run t/sim/clients/install.sh python-full')
        return 0

    module = harness.find_module()
    top = tempfile.mkdtemp(prefix='genai-sdk-')
    sim = harness.Simulator(top, '--strict-sigv4', '--seed', 'direct')

    try:
        check('direct', sim, sim.url)
        for way, so in (('nginx', None), ('module', module)):
            if so is None and way == 'module':
                continue
            directory = os.path.join(top, way)
            nginx, h1, _ = sdk.proxy(directory, sim, so, 'off')
            try:
                calls = check(way, sim, 'http://127.0.0.1:%d' % h1)
            finally:
                nginx.stop()
            if so:
                sdk.exported(way, os.path.join(directory, 'spans.jsonl'),
                             [c for c in calls if '/model/' in c['path']])
    finally:
        sim.stop()

    print('1..%d' % sdk.count)
    if not sdk.failed:
        shutil.rmtree(top, ignore_errors=True)
    return 1 if sdk.failed else 0


if __name__ == '__main__':
    sys.exit(main())
