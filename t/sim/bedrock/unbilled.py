"""Operations that charge no tokens at call time: ApplyGuardrail, and the
asynchronous invocations, whose results go to a bucket."""

import re

from . import call, surface

APPLY = re.compile(r'^(?P<prefix>.*)/guardrail/(?P<id>[^/]+)/version/'
                   r'(?P<version>[^/]+)/apply$')
ASYNC = re.compile(r'^(?P<prefix>.*)/async-invoke(?:/(?P<arn>[^/]+))?$')

ARN = 'arn:aws:bedrock:us-east-1:111122223333:async-invoke/abcdef123456'
WHEN = '2026-11-23T12:00:00Z'


def match(method, path):
    """(match, operation) or None"""
    m = APPLY.match(path)
    if m:
        return (m, 'ApplyGuardrail') if method == 'POST' else None

    m = ASYNC.match(path)
    if not m:
        return None
    if method == 'POST' and not m['arn']:
        return m, 'StartAsyncInvoke'
    if method == 'GET':
        return m, 'GetAsyncInvoke' if m['arn'] else 'ListAsyncInvokes'
    return None


class Unbilled(surface.Bedrock):
    def __init__(self, c, m):
        surface.Bedrock.__init__(self, c, None)
        self.m = m
        self.stream = False

    def refuse(self, body):
        if self.c.operation[:3] in ('App', 'Sta') \
                and not isinstance(body, dict):
            return 400, 'ValidationException', 'Malformed input request.'
        self.c.only_input(False)
        return None

    def headers(self, entry):
        return [('Content-Type', surface.JSON),
                ('x-amzn-RequestId', entry['request_id'])]

    def value(self):
        operation = self.c.operation
        if operation == 'ApplyGuardrail':
            return self.guardrail()
        if operation == 'StartAsyncInvoke':
            return {'invocationArn': ARN}
        if operation == 'ListAsyncInvokes':
            return {'asyncInvokeSummaries': [self.invocation()]}
        return self.invocation()

    def invocation(self):
        return {'invocationArn': ARN, 'status': 'Completed',
                'modelArn': 'arn:aws:bedrock:us-east-1::foundation-model/'
                            'amazon.nova-reel-v1:1',
                'submitTime': WHEN, 'endTime': WHEN,
                'outputDataConfig': {'s3OutputDataConfig':
                                     {'s3Uri': 's3://bucket/out'}}}

    def guardrail(self):
        c = self.c
        text = ' '.join(call.strings(c.body.get('content') or []))
        units = -(-len(text) // 1000)
        blocked = c.intervened()
        found = c.guardrail_trace()['inputAssessment']['gr1example']
        usage = {'topicPolicyUnits': units, 'contentPolicyUnits': units,
                 'wordPolicyUnits': 0, 'sensitiveInformationPolicyUnits': 0,
                 'sensitiveInformationPolicyFreeUnits': 0,
                 'contextualGroundingPolicyUnits': units}
        return {'usage': usage,
                'action': 'GUARDRAIL_INTERVENED' if blocked else 'NONE',
                'actionReason': 'Guardrail blocked.' if blocked else None,
                'outputs': [{'text': 'Sorry.'}] if blocked else [],
                'assessments': [found],
                'guardrailCoverage': {'textCharacters': {
                    'guarded': len(text), 'total': len(text)}}}
