"""Signature Version 4: an implementation of its own, to check requests with.

Nothing is normalised: the path is taken as it came and encoded once more.
"""

import calendar
import hashlib
import hmac
import re
import time
import urllib.parse

ALGORITHM = 'AWS4-HMAC-SHA256'

CREDENTIALS = {
    'AKIDEXAMPLE': 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}

SKEW = 300      # seconds, as the service has it


class SigError(Exception):
    def __init__(self, code, message):
        Exception.__init__(self, message)
        self.code = code


def quote(text):
    return urllib.parse.quote(text, safe='-_.~')


def canonical_uri(path):
    return '/'.join(quote(s) for s in path.split('/')) or '/'


def canonical_query(query):
    pairs = []

    for item in query.split('&') if query else []:
        name, _, value = item.partition('=')
        pairs.append((quote(urllib.parse.unquote(name)),
                      quote(urllib.parse.unquote(value))))

    return '&'.join('%s=%s' % p for p in sorted(pairs))


def canonical_request(method, path, query, headers, signed, digest):
    """headers: dict lower-case name -> value; signed: list of names."""
    lines = [method, canonical_uri(path), canonical_query(query)]

    for name in signed:
        value = re.sub(r' +', ' ', headers[name].strip())
        lines.append('%s:%s' % (name, value))

    return '\n'.join(lines + ['', ';'.join(signed), digest])


def signing_key(secret, date, region, service):
    key = ('AWS4' + secret).encode()
    for part in (date, region, service, 'aws4_request'):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def signature(secret, stamp, region, service, canonical):
    date = stamp[:8]
    text = '\n'.join((ALGORITHM, stamp,
                      '%s/%s/%s/aws4_request' % (date, region, service),
                      hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(signing_key(secret, date, region, service),
                    text.encode(), hashlib.sha256).hexdigest()


def parse_authorization(value):
    if not value.startswith(ALGORITHM + ' '):
        raise SigError('IncompleteSignatureException',
                       'Unsupported authorization scheme')

    fields = {}
    for part in value[len(ALGORITHM) + 1:].split(','):
        name, _, val = part.strip().partition('=')
        fields[name] = val

    for name in ('Credential', 'SignedHeaders', 'Signature'):
        if not fields.get(name):
            raise SigError('IncompleteSignatureException',
                           "Authorization header requires '%s'" % name)

    return fields


def verify(method, path, query, headers, body, now=None,
           service='bedrock', credentials=CREDENTIALS):
    """Raises SigError; gives the access key id, or 'bearer'."""
    value = headers.get('authorization')

    if not value:
        raise SigError('MissingAuthenticationTokenException',
                       'Missing Authentication Token')

    if value.startswith('Bearer '):
        if len(value) < 12:
            raise SigError('AccessDeniedException', 'Invalid API Key format')
        return 'bearer'

    fields = parse_authorization(value)
    scope = fields['Credential'].split('/')

    if len(scope) != 5 or scope[4] != 'aws4_request':
        raise SigError('IncompleteSignatureException', 'Bad Credential scope')

    akid, date, region, name = scope[:4]

    if akid not in credentials:
        raise SigError('UnrecognizedClientException',
                       'The security token included in the request is '
                       'invalid.')
    if name != service:
        raise SigError('InvalidSignatureException',
                       "Credential should be scoped to correct service: "
                       "'%s'." % service)

    stamp = headers.get('x-amz-date', '')
    if not re.fullmatch(r'\d{8}T\d{6}Z', stamp) or stamp[:8] != date:
        raise SigError('IncompleteSignatureException',
                       "Date must be in ISO-8601 'basic format'")

    when = calendar.timegm(time.strptime(stamp, '%Y%m%dT%H%M%SZ'))
    if abs((time.time() if now is None else now) - when) > SKEW:
        raise SigError('InvalidSignatureException',
                       'Signature expired: %s' % stamp)

    signed = fields['SignedHeaders'].split(';')
    values = dict(headers)

    # an HTTP/2 client signs :authority; a proxy passes it on as Host
    if 'host' in values:
        values.setdefault(':authority', values['host'])

    if 'host' not in signed and ':authority' not in signed:
        raise SigError('InvalidSignatureException',
                       "'Host' must be a signed header")

    for name in values:
        if name.startswith('x-amz-') and name not in signed:
            raise SigError('InvalidSignatureException',
                           "'%s' must be a signed header" % name)

    missing = [n for n in signed if n not in values]
    if missing:
        raise SigError('InvalidSignatureException',
                       'Signed header is missing: ' + ', '.join(missing))

    digest = hashlib.sha256(body).hexdigest()
    if headers.get('x-amz-content-sha256', digest) != digest:
        raise SigError('InvalidSignatureException',
                       'x-amz-content-sha256 does not match the body')

    want = signature(credentials[akid], stamp, region, service,
                     canonical_request(method, path, query, values, signed,
                                       digest))

    if not hmac.compare_digest(want, fields['Signature']):
        raise SigError('InvalidSignatureException',
                       'The request signature we calculated does not match '
                       'the signature you provided.')
    return akid
