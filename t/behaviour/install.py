#!/usr/bin/env python3
"""make install puts everything where nginx looks, and keeps a price table
that was changed."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import tap


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def install(root):
    # what is installed was built before: -o takes "build" for done
    done = subprocess.run(['make', '-o', 'build', 'install',
                           'DESTDIR=' + root], cwd=tap.TOP,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    tap.ok(done.returncode == 0, 'make install', done.stdout)
    return done.stdout


def main():
    shipped = read(os.path.join(tap.TOP, 'conf.examples/prices.json'))
    root = tempfile.mkdtemp(prefix='genai-install-')
    prices = root + '/etc/nginx/genai/prices.json'

    try:
        install(root)
        so = root + '/usr/lib/nginx/modules/ngx_http_genai_module.so'
        tap.ok(os.path.getsize(so) > 0, 'the module is there')
        enabled = root + '/etc/nginx/modules-enabled/50-mod-http-genai.conf'
        tap.equal(read(root + os.readlink(enabled)),
                  b'load_module modules/ngx_http_genai_module.so;\n',
                  'and what loads it')
        tap.equal(read(prices), shipped, 'a price table where there was none')

        install(root)
        tap.ok(not os.path.exists(prices + '.new'),
               'the same one again leaves nothing beside it')

        with open(prices, 'a') as f:
            f.write('\n')
        said = install(root)
        tap.equal(read(prices), shipped + b'\n', 'a changed one is kept')
        tap.equal(read(prices + '.new'), shipped, 'ours lies beside it')
        tap.ok(prices + '.new' in said, 'which is said', said)

        shutil.copy(prices + '.new', prices)
        install(root)
        tap.ok(not os.path.exists(prices + '.new'),
               'and goes when it was taken')
    finally:
        shutil.rmtree(root)
    tap.done()


if __name__ == '__main__':
    main()
