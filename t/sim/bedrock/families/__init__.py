"""Model families: one small module each, found by model id or body.

A family module has
  IDS         regular expression at the start of a base model id
  KEYS        sets of body keys that tell the family of an opaque ARN
  HEADERS     token headers of a plain InvokeModel: both, input or none
  CACHE       cache headers: always, used or never
  answer(c)   body of InvokeModel: a JSON value
  chunks(c)   inner JSON of the stream: (value, is it visible output);
              the metrics block is added to the last; absent: no streams
  CHAT        False when Converse is not offered
and may have DONE = True: the stream ends with the literal text [DONE].
"""

import importlib
import re
import urllib.parse

NAMES = ('claude', 'claude_legacy', 'nova', 'titan_text', 'llama',
         'mistral_text', 'mistral_chat', 'cohere_command', 'cohere_r',
         'jamba', 'jurassic', 'deepseek_r1', 'openai', 'titan_embed',
         'titan_embed_image', 'nova_embed', 'cohere_embed', 'rerank')

FAMILIES = [importlib.import_module('.' + n, __name__) for n in NAMES]
PATTERNS = [(re.compile(f.IDS), f) for f in FAMILIES]

PREFIX = re.compile(r'^[a-z]{2,6}(-gov)?\.(?=[a-z0-9]+\.)')
ARN = re.compile(r'^arn:[^:]+:(bedrock|sagemaker):[^:]*:[^:]*:([^/]+)/(.+)$')
OPAQUE = re.compile(r'^(application-inference-profile|provisioned-model'
                    r'|custom-model-deployment|imported-model|prompt'
                    r'|prompt-router|default-prompt-router|endpoint)$')


def base(model):
    """The foundation model's id, None when the string does not tell."""
    m = ARN.match(model)

    if m:
        if OPAQUE.match(m.group(2)):
            return None
        model = m.group(3).split('/')[0]
        if m.group(2) == 'custom-model':
            model = re.sub(r'\.[^.]*$', '', model)

    return PREFIX.sub('', model)


def by_body(body):
    if isinstance(body, dict):
        for family in FAMILIES:
            if any(keys <= body.keys() for keys in family.KEYS):
                return family
    return None


def lookup(raw, body):
    """(decoded model id, family or None) for a raw path segment."""
    model = urllib.parse.unquote(raw)
    name = base(model)

    if name is None:
        return model, by_body(body) or FAMILIES[0]

    for pattern, family in PATTERNS:
        if pattern.match(name):
            return model, family

    return model, None
