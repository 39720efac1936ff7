#!/usr/bin/env python3
"""Makes calls with boto3; see ../README.md for what goes in and comes out."""

import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore
from botocore.config import Config

METHODS = {
    'Converse': 'converse',
    'ConverseStream': 'converse_stream',
    'InvokeModel': 'invoke_model',
    'InvokeModelWithResponseStream': 'invoke_model_with_response_stream',
    'CountTokens': 'count_tokens',
}


class Seen:
    """What one call showed of itself."""

    def __init__(self):
        self.text = []
        self.tools = []
        self.usage = {}
        self.metrics = None
        self.stop = None
        self.dimension = None
        self.events = 0
        self.first = None

    def add_text(self, text):
        self.text.append(text)
        if self.first is None:
            self.first = time.monotonic()

    def converse_usage(self, u):
        self.usage.update(
            input=u['inputTokens'], output=u['outputTokens'],
            total=u['totalTokens'],
            cache_read=u.get('cacheReadInputTokens', 0),
            cache_write=u.get('cacheWriteInputTokens', 0),
            cache_write_1h=sum(x['inputTokens']
                               for x in u.get('cacheDetails', [])
                               if x['ttl'] == '1h'))

    def claude_usage(self, u):
        names = {'input': 'input_tokens', 'output': 'output_tokens',
                 'cache_read': 'cache_read_input_tokens',
                 'cache_write': 'cache_creation_input_tokens'}
        for key, name in names.items():
            if u.get(name) is not None:
                self.usage[key] = u[name]
        one = (u.get('cache_creation') or {}).get('ephemeral_1h_input_tokens')
        if one is not None:
            self.usage['cache_write_1h'] = one

    def converse(self, r):
        for block in r['output']['message']['content']:
            if 'text' in block:
                self.add_text(block['text'])
            if 'toolUse' in block:
                self.tools.append(block['toolUse']['name'])
        self.stop = r['stopReason']
        if 'usage' in r:
            self.converse_usage(r['usage'])

    def invoke(self, body):
        v = json.loads(body)
        for block in v.get('content') or []:
            if block['type'] == 'text':
                self.add_text(block['text'])
            if block['type'].endswith('tool_use'):
                self.tools.append(block['name'])
        self.stop = v.get('stop_reason')
        self.claude_usage(v.get('usage') or {})
        if 'inputTextTokenCount' in v:
            self.usage['input'] = v['inputTextTokenCount']
        if 'embedding' in v:
            self.dimension = len(v['embedding'])

    def converse_event(self, e):
        delta = e.get('contentBlockDelta', {}).get('delta', {})
        if 'text' in delta:
            self.add_text(delta['text'])
        tool = e.get('contentBlockStart', {}).get('start', {}).get('toolUse')
        if tool:
            self.tools.append(tool['name'])
        if 'messageStop' in e:
            self.stop = e['messageStop']['stopReason']
        if 'usage' in e.get('metadata', {}):
            self.converse_usage(e['metadata']['usage'])

    def invoke_event(self, e):
        v = json.loads(e['chunk']['bytes'])
        kind = v.get('type')
        if kind == 'message_start':
            self.claude_usage(v['message'].get('usage') or {})
        elif kind == 'content_block_start':
            if v['content_block']['type'] == 'tool_use':
                self.tools.append(v['content_block']['name'])
        elif kind == 'content_block_delta':
            if 'text' in v['delta']:
                self.add_text(v['delta']['text'])
        elif kind == 'message_delta':
            self.stop = v['delta'].get('stop_reason')
            self.claude_usage(v.get('usage') or {})
        if 'amazon-bedrock-invocationMetrics' in v:
            m = v['amazon-bedrock-invocationMetrics']
            self.metrics = {'input': m['inputTokenCount'],
                            'output': m['outputTokenCount']}


def run(client, call):
    op = call['op']
    params = dict(call['params'])
    if isinstance(params.get('body'), dict):
        params['body'] = json.dumps(params['body'])

    seen = Seen()
    out = {'name': call['name'], 'op': op, 'ok': True}
    extra = call.get('headers')
    start = time.monotonic()

    def add_headers(request, **kwargs):
        for name, value in extra.items():
            request.headers[name] = value

    if extra:
        client.meta.events.register('before-sign.bedrock-runtime',
                                    add_headers, unique_id='extra')

    try:
        r = getattr(client, METHODS[op])(**params)
        note(out, r['ResponseMetadata'])

        if op == 'Converse':
            seen.converse(r)
        elif op == 'InvokeModel':
            seen.invoke(r['body'].read())
        elif op == 'CountTokens':
            seen.usage['input'] = r['inputTokens']
        else:
            stream = r['stream'] if op == 'ConverseStream' else r['body']
            for event in stream:
                seen.events += 1
                if op == 'ConverseStream':
                    seen.converse_event(event)
                else:
                    seen.invoke_event(event)
                if seen.events == call.get('abort_after'):
                    stream.close()
                    out['aborted'] = True
                    break
    except Exception as e:
        response = getattr(e, 'response', None) or {}
        error = response.get('Error', {})
        out.update(ok=False, exception=type(e).__name__,
                   code=error.get('Code'), message=str(e)[:300])
        note(out, response.get('ResponseMetadata'))
    finally:
        if extra:
            client.meta.events.unregister('before-sign.bedrock-runtime',
                                          unique_id='extra')

    text = ''.join(seen.text)
    out.update(stop=seen.stop, usage=seen.usage, metrics_usage=seen.metrics,
               events=seen.events, tools=seen.tools, chars=len(text),
               text_sha256=hashlib.sha256(text.encode()).hexdigest(),
               dimension=seen.dimension,
               ms=round((time.monotonic() - start) * 1000, 1))
    if seen.first and seen.events:
        out['first_ms'] = round((seen.first - start) * 1000, 1)
    return out


def note(out, meta):
    if not meta:
        return
    out.update(status=meta.get('HTTPStatusCode'),
               request_id=meta.get('RequestId'),
               attempts=meta.get('RetryAttempts', 0) + 1,
               headers=meta.get('HTTPHeaders'))


def make_clients(prefixes, at_once):
    config = Config(read_timeout=int(os.environ.get('SIM_READ_TIMEOUT', 60)),
                    connect_timeout=5, max_pool_connections=max(10, at_once))
    endpoint = os.environ['AWS_ENDPOINT_URL_BEDROCK_RUNTIME']
    return {p: boto3.client('bedrock-runtime', config=config,
                            **({'endpoint_url': endpoint + p} if p else {}))
            for p in prefixes}


def main():
    calls = json.load(sys.stdin)
    at_once = len(calls) if os.environ.get('SIM_AT_ONCE') else 1
    made = make_clients({c.get('prefix', '') for c in calls}, at_once)

    def make(call):
        out = run(made[call.get('prefix', '')], call)
        out['sdk'] = 'boto3 ' + boto3.__version__
        return out

    with ThreadPoolExecutor(at_once) as pool:
        for out in pool.map(make, calls):
            print(json.dumps(out), flush=True)


if __name__ == '__main__':
    main()
