"""The simulator's own meter: the truth that tests compare with.

Per model, tokens of answers that were written to their end:
  calls          requests for inference, whatever became of them
  input          tokens outside any cache      output   reasoning included
  cache_read, cache_write (all TTLs), cache_write_1h (part of cache_write)
  reasoning      part of output
  errors         refused, or broken on purpose
  aborted        the client went away
  partial_input, partial_output   what was worked on for broken and aborted
                 streams: the service would bill it, no usage was sent
  unbilled       calls of operations that charge no tokens
"""

import collections
import json
import os
import threading

from .call import TOKENS

KEYS = ('calls',) + TOKENS + ('errors', 'aborted', 'partial_input',
                              'partial_output', 'unbilled')

UNBILLED = ('CountTokens', 'ApplyGuardrail', 'StartAsyncInvoke',
            'GetAsyncInvoke', 'ListAsyncInvokes')


class Meter:
    def __init__(self, path=None, keep=10000):
        self.lock = threading.Lock()
        self.path = path
        self.keep = keep
        self.reset()

    def reset(self):
        with self.lock:
            self.models = {}
            self.recent = collections.deque(maxlen=self.keep)
            self.number = 0
            self.dirty = True

    def row(self, model):
        row = self.models.get(model)
        if row is None:
            row = self.models[model] = dict.fromkeys(KEYS, 0)
        return row

    def begin(self, entry):
        with self.lock:
            self.number += 1
            entry['n'] = self.number
            self.recent.append(entry)
            key = 'unbilled' if entry['operation'] in UNBILLED else 'calls'
            self.row(entry['model'])[key] += 1
            self.dirty = True

    def done(self, entry, usage):
        """Just before the last byte is written: a client that asks the
        meter at once must find its call there."""
        with self.lock:
            row = self.row(entry['model'])
            for key in TOKENS:
                row[key] += usage[key]
            entry['usage'] = dict(usage)
            entry['outcome'] = 'ok'
            self.dirty = True

    def undo(self, entry):
        usage = entry.pop('usage', None)
        if usage and entry['outcome'] == 'ok':
            row = self.row(entry['model'])
            for key in TOKENS:
                row[key] -= usage[key]

    def fail(self, entry, outcome, partial=None):
        """outcome: error or aborted; partial: (input, output) worked on."""
        with self.lock:
            self.undo(entry)
            row = self.row(entry['model'])
            row['aborted' if outcome == 'aborted' else 'errors'] += 1
            if partial:
                row['partial_input'] += partial[0]
                row['partial_output'] += partial[1]
                entry['partial'] = list(partial)
            entry['outcome'] = outcome
            self.dirty = True

    def totals(self):
        with self.lock:
            models = {m: dict(r) for m, r in sorted(self.models.items())}
            self.dirty = False
        total = {k: sum(r[k] for r in models.values()) for k in KEYS}
        return {'models': models, 'total': total}

    def calls(self, last=None):
        with self.lock:
            out = [dict(e) for e in self.recent]
        return out[-last:] if last else out

    def save(self):
        if not self.path or not self.dirty:
            return
        tmp = '%s.%d' % (self.path, os.getpid())
        with open(tmp, 'w') as f:
            json.dump(self.totals(), f, indent=1)
            f.write('\n')
        os.replace(tmp, self.path)
