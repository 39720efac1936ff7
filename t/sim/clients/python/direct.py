#!/usr/bin/env python3
"""Makes calls with Anthropic's and OpenAI's SDKs; as calls.py, with
op  messages (Anthropic), bedrock (AnthropicBedrock), chat, responses,
    embeddings (OpenAI)
The endpoint is SIM_ENDPOINT; params are the SDK's, stream among them.
"""

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai

ENDPOINT = os.environ['SIM_ENDPOINT']


def dump(usage):
    return usage.model_dump(exclude_none=True) if usage else {}


def messages(client, params, text):
    stream = params.pop('stream', False)
    if not stream:
        r = client.messages.create(**params)
        text += [b.text for b in r.content if b.type == 'text']
    else:
        with client.messages.stream(**params) as s:
            for piece in s.text_stream:
                text.append(piece)
            r = s.get_final_message()
    return dump(r.usage), r.stop_reason, r.model


def chat(client, params, text):
    if not params.get('stream'):
        r = client.chat.completions.create(**params)
        c = r.choices[0]
        text.append(c.message.content)
        return dump(r.usage), c.finish_reason, r.model

    usage, stop = {}, None
    for r in client.chat.completions.create(**params):
        usage = dump(r.usage) or usage
        for c in r.choices:
            text.append(c.delta.content or '')
            stop = c.finish_reason or stop
    return usage, stop, r.model


def responses(client, params, text):
    if not params.get('stream'):
        r = client.responses.create(**params)
        text.append(r.output_text)
        return dump(r.usage), r.status, r.model

    for e in client.responses.create(**params):
        if e.type == 'response.output_text.delta':
            text.append(e.delta)
    r = e.response
    return dump(r.usage), r.status, r.model


def embeddings(client, params, text):
    r = client.embeddings.create(**params)
    text.append(str(len(r.data)))
    return dump(r.usage), None, r.model


def clients(endpoint):
    native = anthropic.Anthropic(base_url=endpoint + '/anthropic',
                                 api_key='sk-example', max_retries=1)
    bedrock = anthropic.AnthropicBedrock(base_url=endpoint, max_retries=1,
                                         aws_region='us-east-1')
    other = openai.OpenAI(base_url=endpoint + '/openai/v1', max_retries=1,
                          api_key='sk-example')
    return {'messages': (messages, native), 'bedrock': (messages, bedrock),
            'chat': (chat, other), 'responses': (responses, other),
            'embeddings': (embeddings, other)}


def run(table, call):
    function, client = table[call['op']]
    out = {'name': call['name'], 'op': call['op'], 'ok': True}
    text = []

    if 'max_retries' in call:
        client = client.with_options(max_retries=call['max_retries'])

    try:
        usage, stop, model = function(client, dict(call['params']), text)
        out.update(usage=usage, stop=stop, model=model)
    except (anthropic.APIError, openai.APIError) as e:
        out.update(ok=False, exception=type(e).__name__,
                   bases=[c.__name__ for c in type(e).__mro__],
                   status=getattr(e, 'status_code', None), details=e.body,
                   message=str(e)[:300])

    text = ''.join(text)
    out.update(chars=len(text),
               text_sha256=hashlib.sha256(text.encode()).hexdigest())
    return out


def main():
    calls = json.load(sys.stdin)
    at_once = len(calls) if os.environ.get('SIM_AT_ONCE') else 1
    made = {p: clients(ENDPOINT + p)
            for p in {c.get('prefix', '') for c in calls}}

    with ThreadPoolExecutor(at_once) as pool:
        for out in pool.map(lambda c: run(made[c.get('prefix', '')], c),
                            calls):
            print(json.dumps(out), flush=True)


if __name__ == '__main__':
    main()
