"""TAP on standard output, for the behaviour tests."""

import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

sys.path.insert(0, os.path.join(TOP, 't', 'sim'))

count = 0
failed = 0


def ok(good, name, why=''):
    global count, failed
    count += 1
    failed += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)
    if not good and why:
        for line in str(why).splitlines()[:30]:
            print('#   ' + line)
    return good


def equal(got, wanted, name):
    return ok(got == wanted, name, 'got %r\nexpected %r' % (got, wanted))


def note(text):
    for line in str(text).splitlines():
        print('# ' + line, flush=True)


def done():
    print('1..%d' % count)
    sys.exit(1 if failed else 0)


def no_alerts(nginx, name='nothing above error is logged'):
    bad = [line for line in nginx.errors().splitlines()
           if '[alert]' in line or '[crit]' in line or '[emerg]' in line
           or 'exited on signal 11' in line]
    return ok(not bad, name, '\n'.join(bad[:10]))
