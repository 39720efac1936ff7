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

import anthropic
import openai

ENDPOINT = os.environ['SIM_ENDPOINT']


def dump(usage):
    return usage.model_dump(exclude_none=True) if usage else {}


def messages(client, params):
    stream = params.pop('stream', False)
    if not stream:
        r = client.messages.create(**params)
        text = ''.join(b.text for b in r.content if b.type == 'text')
    else:
        with client.messages.stream(**params) as s:
            text = ''.join(s.text_stream)
            r = s.get_final_message()
    return text, dump(r.usage), r.stop_reason, r.model


def chat(client, params):
    if not params.get('stream'):
        r = client.chat.completions.create(**params)
        c = r.choices[0]
        return c.message.content, dump(r.usage), c.finish_reason, r.model

    text, usage, stop = '', {}, None
    for r in client.chat.completions.create(**params):
        usage = dump(r.usage) or usage
        for c in r.choices:
            text += c.delta.content or ''
            stop = c.finish_reason or stop
    return text, usage, stop, r.model


def responses(client, params):
    if not params.get('stream'):
        r = client.responses.create(**params)
        return r.output_text, dump(r.usage), r.status, r.model

    text = ''
    for e in client.responses.create(**params):
        if e.type == 'response.output_text.delta':
            text += e.delta
    r = e.response
    return text, dump(r.usage), r.status, r.model


def embeddings(client, params):
    r = client.embeddings.create(**params)
    return str(len(r.data)), dump(r.usage), None, r.model


def clients():
    native = anthropic.Anthropic(base_url=ENDPOINT + '/anthropic',
                                 api_key='sk-example', max_retries=1)
    bedrock = anthropic.AnthropicBedrock(base_url=ENDPOINT, max_retries=1,
                                         aws_region='us-east-1')
    other = openai.OpenAI(base_url=ENDPOINT + '/openai/v1', max_retries=1,
                          api_key='sk-example')
    return {'messages': (messages, native), 'bedrock': (messages, bedrock),
            'chat': (chat, other), 'responses': (responses, other),
            'embeddings': (embeddings, other)}


def main():
    table = clients()

    for call in json.load(sys.stdin):
        function, client = table[call['op']]
        out = {'name': call['name'], 'op': call['op'], 'ok': True}
        try:
            text, usage, stop, model = function(client,
                                                dict(call['params']))
            out.update(usage=usage, stop=stop, model=model, text_sha256=(
                hashlib.sha256(text.encode()).hexdigest()))
        except (anthropic.APIError, openai.APIError) as e:
            out.update(ok=False, exception=type(e).__name__,
                       status=getattr(e, 'status_code', None),
                       message=str(e)[:300])
        print(json.dumps(out), flush=True)


if __name__ == '__main__':
    main()
