"""What a call costs, computed a second time and independently of the module:
exact integers of pico-USD from conf.examples/prices.json.

1 USD per million tokens = 1,000,000 pico-USD per token.
"""

import datetime
import json
import re
from fractions import Fraction

PICO = 10 ** 6


class Prices:
    def __init__(self, path):
        with open(path) as f:
            # numbers stay exact: never a float
            self.file = json.load(f, parse_float=Fraction)
        self.version = self.file['version']
        self.rows = {}
        self.providers = set()
        for row in self.file['models']:
            for name in [row['id']] + row.get('aliases', []):
                self.rows.setdefault(name, []).append(row)
                self.providers.add(name.split('.')[0])

    def row(self, model, when):
        """(row in force, profile prefix or '')"""
        prefix, _, rest = model.partition('.')
        if prefix in self.providers or not rest:
            prefix, rest = '', model

        for name in (rest, re.sub(r':[0-9]+[km]?$', '', rest)):
            for row in self.rows.get(name, []):
                if in_force(row, when):
                    return row, prefix
        return None, prefix

    def cost(self, model, usage, region='us-east-1', tier=None, when=None):
        """Pico-USD, None when there is no price. usage as the simulator's
        meter has it: input without the cached tokens."""
        when = when or datetime.datetime.now(datetime.timezone.utc)
        row, prefix = self.row(model, when)
        if row is None:
            return None

        rates, factor, long_rates = self.route(row, prefix, region)
        if rates is None:
            return None

        if tier and tier not in ('default', 'standard'):
            if tier not in row.get('tiers', {}):
                return None
            factor *= Fraction(str(row['tiers'][tier]))

        # the narrowest discount alone: the row's, its family's, the file's
        for discount in (row.get('discount'),
                         self.file.get('discounts', {}).get(
                             row.get('family')),
                         self.file.get('discount')):
            if discount is not None:
                factor *= 1 - Fraction(str(discount)) / 100
                break

        prompt = sum(usage[k] for k in ('input', 'cache_read', 'cache_write'))
        over = row.get('long_context', {}).get('over')
        if over is not None and prompt > over:
            rates = long_rates

        hour = usage['cache_write_1h']
        total = (usage['input'] * rate(rates, 'input')
                 + usage['output'] * rate(rates, 'output', zero=True)
                 + usage['cache_read'] * rate(rates, 'cache_read')
                 + (usage['cache_write'] - hour) * rate(rates, 'cache_write')
                 + hour * rate(rates, 'cache_write_1h'))
        return int(total * factor + Fraction(1, 2))

    @staticmethod
    def route(row, prefix, region):
        """(rates, factor, rates of a long context), None: not sold so"""
        routes = row.get('routes') or {}
        tries = ([prefix] + ([] if prefix == 'global' else ['geo'])
                 if prefix else [region, 'in_region'])
        name = next((t for t in tries if t in routes), None)
        long_rates = row.get('long_context')

        if name is None:
            return row, Fraction(1), long_rates

        route = routes[name]
        if route is None:
            return None, None, None
        if 'premium' in route:
            return (row, 1 + Fraction(str(route['premium'])) / 100,
                    long_rates)
        return route, Fraction(1), route.get('long_context')


def rate(rates, key, zero=False):
    """Pico-USD a token; without a cache price it is other input's."""
    value = rates.get(key)
    if value is None:
        if zero:
            return 0
        value = rates['input']
    return Fraction(str(value)) * PICO


def in_force(row, when):
    start = row.get('effective_from')
    end = row.get('effective_until')
    return ((start is None or moment(start) <= when)
            and (end is None or when < moment(end)))


def moment(text):
    t = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    return t if t.tzinfo else t.replace(tzinfo=datetime.timezone.utc)


def usd(pico):
    """Exact decimal with at least four places."""
    whole, part = divmod(abs(pico), 10 ** 12)
    digits = '%012d' % part
    digits = digits.rstrip('0').ljust(4, '0')
    return '%s%d.%s' % ('-' if pico < 0 else '', whole, digits)
