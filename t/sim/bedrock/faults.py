"""Failures on demand: the directive's key `fail`.

Before the answer: throttle throttle_tokens throttle_day notready validation
  too_long quota conflict access expired notfound timeout model internal
  unavailable, `status:NNN` (that status, an HTML body), close (no response).
In a stream, at frame `fail_at` (default: in the middle):
  exception        an exception frame, type by the key `exception`
  exception_first  the same as the very first frame
  error_frame      an unmodelled :message-type error
  truncate         the body ends cleanly inside a frame
  cut              the connection closes inside a frame, no last chunk
  reset            the connection is reset
  stall            nothing for stall_ms, then the rest
  bad_crc bad_prelude bad_length     a broken frame, then the rest
  noend            a clean end at fail_at
  nometa           a clean end without the last frame
Of a plain body: truncate (less than Content-Length), reset, stall,
  empty, garbage (not JSON).
"""

CORAL = ':http://internal.amazon.com/coral/com.amazon.bedrock/'
CORAL_AUTH = ':http://internal.amazon.com/coral/com.amazon.coral.service/'

# refused by the front end, before any service
FRONT_END = ('UnknownOperationException', 'MethodNotAllowedException',
             'MissingAuthenticationTokenException',
             'IncompleteSignatureException', 'InvalidSignatureException',
             'UnrecognizedClientException', 'ExpiredTokenException')

# name: status, type, message
ERRORS = {
    'throttle': (429, 'ThrottlingException',
                 'Too many requests, please wait before trying again.'),
    'throttle_tokens': (429, 'ThrottlingException',
                        'Too many tokens, please wait before trying again.'),
    'throttle_day': (429, 'ThrottlingException',
                     'Too many tokens per day, please wait before trying '
                     'again.'),
    'notready': (429, 'ModelNotReadyException',
                 'The model is not ready to serve inference requests.'),
    'validation': (400, 'ValidationException',
                   'Malformed input request, please reformat your input and '
                   'try again.'),
    'too_long': (400, 'ValidationException',
                 'Input is too long for requested model.'),
    'quota': (400, 'ServiceQuotaExceededException',
              'Your request exceeds the service quota for your account.'),
    'conflict': (400, 'ConflictException', 'Conflict.'),
    'access': (403, 'AccessDeniedException',
               "You don't have access to the model with the specified model "
               "ID."),
    'expired': (403, 'ExpiredTokenException',
                'The security token included in the request is expired'),
    'notfound': (404, 'ResourceNotFoundException',
                 'This model version has reached the end of its life.'),
    'timeout': (408, 'ModelTimeoutException',
                'Model has timed out in processing the request. Try your '
                'request again.'),
    'model': (424, 'ModelErrorException',
              'The system encountered an unexpected error during '
              'processing. Try your request again.'),
    'internal': (500, 'InternalServerException',
                 'The system encountered an unexpected error during '
                 'processing. Try your request again.'),
    'unavailable': (503, 'ServiceUnavailableException',
                    'The service is unable to process your request.'),
}

STREAM = ('exception', 'exception_first', 'error_frame', 'truncate', 'cut',
          'reset', 'stall', 'bad_crc', 'bad_prelude', 'bad_length', 'noend',
          'nometa')

EXCEPTION_STATUS = {
    'throttlingException': 429, 'validationException': 400,
    'internalServerException': 500, 'modelStreamErrorException': 424,
    'modelTimeoutException': 408, 'serviceUnavailableException': 503,
}


def exception_payload(name, message):
    payload = {'message': message}
    if name == 'modelStreamErrorException':
        payload['originalStatusCode'] = 500
        payload['originalMessage'] = 'model worker died'
    return payload
