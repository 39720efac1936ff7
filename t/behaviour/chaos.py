#!/usr/bin/env python3
"""Nothing finished is lost, whatever dies.

Real nginx with the module, an upstream and an OTLP receiver of this test's
own.  Each request carries a trace id; every id that was answered must reach
the receiver and the file sink, however often (delivery is at least once).

    chaos.py [--module FILE.so|static] [--full] [--keep] [--nginx PATH]
             [case ...]

Module and nginx default to $GENAI_MODULE and $TEST_NGINX_BINARY.

TAP on standard output.  --full runs the long versions.
"""

import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from chaoslib import (Load, Nginx, Receiver, Server, Tap, Upstream, alive,
                      usual, wait)


class Chaos:
    def __init__(self, opts):
        self.opts = opts
        self.tap = Tap()
        self.up = Server(('127.0.0.1', 0), Upstream)
        threading.Thread(target=self.up.serve_forever, daemon=True).start()
        self.upstream = self.up.server_address[1]
        self.long = 5 if opts.full else 1

    def nginx(self, **conf):
        self.receiver = Receiver()
        self.n = Nginx(self.opts, self.upstream, self.receiver, **conf)
        return self.n

    def check(self, name, done, crashed=0, lost=0, settle=15, kills=False,
              otlp=True):
        """all that was answered has arrived, everywhere, and all balances"""
        n = self.n
        running = True
        try:
            n.get('/genai/healthz')
        except OSError:
            running = False

        if running:
            try:
                wait(n.settled, settle, 'all is sent')
            except TimeoutError as e:
                self.tap.ok(False, name + ': all is sent', e,
                            n.accounts())
            why = n.balanced()
            self.tap.ok(why == '', name + ': the accounts balance', why)

        if otlp:
            miss = done - self.receiver.got() - self.receiver.rejected
            self.tap.ok(len(miss) <= lost and len(done) > 0,
                        '%s: %d answered, %d lost (OTLP)'
                        % (name, len(done), len(miss)), sorted(miss)[:5])
        if n.conf['file']:
            miss = done - n.spans()
            self.tap.ok(len(miss) <= lost and len(done) > 0,
                        '%s: %d answered, %d lost (file)'
                        % (name, len(done), len(miss)), sorted(miss)[:5])

        errors = n.errors()
        if kills:
            errors = [e for e in errors
                      if not re.search(r'exited on signal 9|'
                                       r'was locked by', e)]
        self.tap.ok(not errors, name + ': no alert in the log',
                    *errors[:5])

    def balance_now(self, name):
        why = self.n.balanced()
        self.tap.ok(why == '', name, why)

    # --- cases ---

    def case_plain(self):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(2 * self.long)
        done = load.finish()
        titles = n.helpers()
        self.tap.ok(len(titles) == 1, 'plain: one exporter process')
        self.check('plain', done)
        n.quit()
        self.check('plain, after QUIT', done)

    def case_worker_kill(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(5 * self.long):
            time.sleep(0.3)
            for w in n.workers():
                n.kill(signal.SIGKILL, w)
                time.sleep(0.1)
            wait(lambda: len(n.workers()) == 2, 5, 'workers respawn')
            self.balance_now('worker SIGKILL: balanced')
        time.sleep(0.3)
        done = load.finish()
        time.sleep(2.2)
        self.check('worker SIGKILL', done, kills=True)
        n.quit()

    def case_open_calls(self):
        """calls that were open in a killed worker are reported"""
        n = self.nginx().start()
        load = Load(n.port, threads=4, delay=5)
        time.sleep(0.7)
        for w in n.workers():
            n.kill(signal.SIGKILL, w)
        time.sleep(0.2)
        load.stop.set()
        wait(lambda: len(self.receiver.got()) >= 4, 10,
             'open calls are reported')
        self.tap.ok(len(self.receiver.got()) >= 4,
                    'killed worker: its open calls are reported')
        text = n.get('/genai/metrics')
        self.tap.ok('type="worker_died"' in text,
                    'and counted as errors of the gateway')
        n.quit(signal.SIGTERM)

    def case_helper_kill(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(8 * self.long):
            time.sleep(0.25)
            for h in n.helpers():
                n.kill(signal.SIGKILL, h)
            self.balance_now('helper SIGKILL: balanced')
            wait(n.helpers, 5, 'the helper respawns')
        done = load.finish()
        self.check('helper SIGKILL', done, kills=True)
        n.quit()

    def case_both_kill(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(4 * self.long):
            time.sleep(0.4)
            for p in n.workers() + n.helpers():
                n.kill(signal.SIGKILL, p)
            wait(lambda: len(n.workers()) == 2 and n.helpers(), 5,
                 'all respawn')
            self.balance_now('both SIGKILL: balanced')
        done = load.finish()
        time.sleep(1.2)
        self.check('both SIGKILL', done, kills=True)
        n.quit()

    def case_hup(self):
        n = self.nginx().start()
        load = Load(n.port)
        for _ in range(20 * self.long):
            n.kill(signal.SIGHUP)
            time.sleep(0.2)
        time.sleep(0.3)
        done = load.finish()
        self.check('HUP x%d' % (20 * self.long), done)
        wait(lambda: len(n.helpers()) == 1, 10, 'old helpers leave')
        self.tap.ok(len(n.workers()) == 2, 'HUP: one generation is left')
        n.quit()

    def case_hup_long(self):
        """a call that outlives its generation"""
        n = self.nginx().start()
        load = Load(n.port, threads=3, delay=2.5)
        time.sleep(0.5)
        n.kill(signal.SIGHUP)
        time.sleep(1)
        load.stop.set()
        done = load.finish()
        self.check('HUP with open calls', done)
        n.quit()

    def case_quit(self):
        n = self.nginx().start()
        load = Load(n.port, threads=4, delay=0.3)
        time.sleep(1)
        n.kill(signal.SIGQUIT)
        time.sleep(0.1)
        load.stop.set()
        n.proc.wait(15)
        done = load.finish()
        self.check('QUIT', done)
        self.tap.ok(not glob.glob(n.dir + '/spool/*.spool'),
                    'QUIT: nothing had to be spooled')

    def case_term(self):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(1)
        n.kill(signal.SIGTERM)
        begin = time.monotonic()
        n.proc.wait(15)
        took = time.monotonic() - begin
        done = load.finish()
        self.tap.ok(took < 2.5, 'TERM: gone in %.1f s' % took)
        n.restart()
        self.check('TERM and a new start', done)
        n.quit()

    def case_term_down(self):
        """TERM with the receiver down: the spool carries it over"""
        n = self.nginx().start()
        self.receiver.down()
        load = Load(n.port)
        time.sleep(1.5)
        n.kill(signal.SIGTERM)
        n.proc.wait(15)
        done = load.finish()
        self.tap.ok(glob.glob(n.dir + '/spool/otlp.*.spool'),
                    'TERM, receiver down: spooled')
        self.receiver.up()
        n.restart()
        self.check('TERM, receiver down, new start', done)
        a = n.accounts()['otlp']
        self.tap.ok(a['recovered'] > 0,
                    'TERM: %d found in the spool' % a['recovered'])
        self.tap.ok(not glob.glob(n.dir + '/spool/*.spool'),
                    'TERM: the spool is empty again')
        n.quit()

    def case_unprivileged(self):
        """the master's last act, as root, is for a helper that is not"""
        if os.geteuid() != 0:
            self.nginx()
            self.tap.ok(True, 'unprivileged: # SKIP not root')
            return
        n = self.nginx(user='user nobody nogroup;')
        os.chmod(n.dir, 0o777)
        n.start()
        self.receiver.down()
        load = Load(n.port)
        time.sleep(1)
        n.kill(signal.SIGKILL, n.helpers()[0])
        n.kill(signal.SIGTERM)
        n.proc.wait(15)
        done = load.finish()
        owners = set(os.stat(f).st_uid
                     for f in glob.glob(n.dir + '/spool/*.spool'))
        self.tap.ok(owners and 0 not in owners,
                    'unprivileged: segments are the worker user\'s')
        self.receiver.up()
        n.restart()
        self.check('unprivileged', done, kills=True)
        n.quit()

    def case_unsampled(self):
        """spans are sampled, metrics see every call"""
        n = self.nginx(sample='genai_sample 0;').start()
        load = Load(n.port, threads=1, flags='00')
        time.sleep(1)
        done = load.finish()
        time.sleep(0.5)
        a = n.accounts()['otlp']
        text = n.get('/genai/metrics')
        count = sum(float(v) for v in re.findall(
            r'^genai_requests_total{[^}]*} (\S+)$', text, re.M))
        seen = sum(float(v) for v in re.findall(
            r'^genai_duration_seconds_count{[^}]*} (\S+)$', text, re.M))
        self.tap.ok(count == len(done) and seen == len(done),
                    'unsampled: %d calls counted and observed' % count,
                    len(done), seen)
        self.tap.ok(not n.spans() and a['records'] == 0,
                    'unsampled: no span', a)
        n.quit()

    def case_resize(self):
        n = self.nginx().start()
        load = Load(n.port)
        for i in range(4 * self.long):
            time.sleep(0.5)
            n.change(queue='%dm' % (8 + 4 * (i % 2)),
                     zone='genai_zone zone=genai:%dm;' % (2 + i % 3),
                     workers=1 + i % 3)
            n.kill(signal.SIGHUP)
        time.sleep(0.7)
        done = load.finish()
        time.sleep(1)
        self.check('zones and workers resized', done)
        n.quit()

    def case_sinks(self):
        """a sink goes and comes"""
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.5)
        n.change(file=False)
        n.kill(signal.SIGHUP)
        time.sleep(1)
        n.change(file=True)
        n.kill(signal.SIGHUP)
        time.sleep(1)
        done = load.finish()
        wait(n.settled, 10, 'all is sent')
        self.balance_now('a sink goes and comes: balanced')
        miss = done - self.receiver.got()
        self.tap.ok(not miss, 'the other one gets all %d' % len(done),
                    len(miss))
        n.quit()

    def case_upgrade(self):
        n = self.nginx(daemon='daemon on;')
        subprocess.run(n.command(), check=True, stdin=subprocess.DEVNULL)
        wait(n.answers, 10, 'nginx answers')
        old = n.pid()
        load = Load(n.port)
        time.sleep(0.7)
        n.kill(signal.SIGUSR2)
        wait(lambda: os.path.exists(n.dir + '/logs/nginx.pid.oldbin')
             and os.path.exists(n.dir + '/logs/nginx.pid')
             and n.pid() != old, 5, 'the new binary starts')
        time.sleep(0.7)
        n.kill(signal.SIGWINCH, old)
        time.sleep(0.7)
        n.kill(signal.SIGQUIT, old)
        wait(lambda: not alive(old), 15, 'the old master leaves')
        time.sleep(0.5)
        done = load.finish()
        self.check('USR2 + WINCH + QUIT', done)
        n.quit()

    def case_master_kill(self):
        """the orphaned helper goes on while orphaned workers do"""
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.7)
        workers, helpers = n.workers(), n.helpers()
        n.kill(signal.SIGKILL)
        n.proc.wait(5)
        time.sleep(0.7)
        done = load.finish()
        for w in workers:
            n.kill(signal.SIGQUIT, w)
        wait(lambda: not any(alive(p) for p in workers + helpers), 15,
             'orphans leave')
        self.check('master SIGKILL', done, kills=True)

    def case_all_kill(self):
        """master, workers and helper at once: the spool survives"""
        n = self.nginx().start()
        self.receiver.down()
        load = Load(n.port)
        time.sleep(5)
        pids = [n.pid()] + n.workers() + n.helpers()
        before = set(load.done)
        a = n.accounts()['otlp']
        for p in pids:
            n.kill(signal.SIGKILL, p)
        n.proc.wait(5)
        done = load.finish()
        os.unlink(n.dir + '/logs/nginx.pid')
        self.receiver.up()
        n.restart()
        wait(n.settled, 15, 'all is sent')
        self.balance_now('all SIGKILL: balanced')
        miss = done - self.receiver.got()
        self.tap.note('all SIGKILL: %d answered, %d lost with the memory'
                      % (len(done), len(miss)))
        self.tap.ok(len(miss) < len(done) / 4
                    and a['spool_records'] > 0,
                    'all SIGKILL: %d of %d answered before were in the spool'
                    % (a['spool_records'], len(before)))
        n.quit()

    def case_daemon(self):
        n = self.nginx(daemon='daemon on;')
        subprocess.run(n.command(), check=True, stdin=subprocess.DEVNULL)
        wait(n.answers, 10, 'nginx answers')
        load = Load(n.port)
        time.sleep(1)
        n.kill(signal.SIGHUP)
        time.sleep(0.5)
        done = load.finish()
        n.quit()
        self.check('daemon on', done)

    def case_single(self):
        n = self.nginx(master='master_process off;').start()
        load = Load(n.port, threads=3)
        time.sleep(0.7)
        n.kill(signal.SIGHUP)
        time.sleep(0.5)
        n.change(queue='8m')
        n.kill(signal.SIGHUP)
        time.sleep(0.7)
        done = load.finish()
        self.check('master_process off', done)
        load = Load(n.port, threads=3)
        time.sleep(0.5)
        load.stop.set()
        done = load.finish()
        n.quit()
        self.check('master_process off, after QUIT', done)

    def trouble(self, mode, seconds=3, partial=False):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.5)
        if mode == 'down':
            self.receiver.down()
        else:
            self.receiver.mode = mode
        time.sleep(seconds * self.long)
        self.balance_now('receiver %s: balanced meanwhile' % mode)
        a = n.accounts()
        self.tap.ok(a['file']['pending'] < 1000 and a['file']['acked'] > 0,
                    'receiver %s: the other sink goes on' % mode)
        self.receiver.mode = 'ok'
        self.receiver.hung.set()
        self.receiver.up()
        time.sleep(0.3)
        done = load.finish()
        self.check('receiver %s and back' % mode, done, settle=40)
        n.quit()

    def case_receiver_down(self):
        self.trouble('down', 12 if self.opts.full else 4)

    def case_receiver_away(self):
        """requests do not wait for a receiver: their times while it is away
        are those of the same load, in the same run, while it is there"""
        n = self.nginx().start()
        load = Load(n.port)
        up, away = [], {}
        for mode in 'down', 'hang':
            wait(lambda: n.accounts()['otlp']['spool_records'] == 0, 40,
                 'the spool is sent')
            up += load.windows(3 * self.long)
            if mode == 'down':
                self.receiver.down()
            else:
                self.receiver.mode = mode
            # after 2 s of failure records go to disk: both ways count
            away[mode] = load.windows(4 * self.long)
            self.receiver.mode = 'ok'
            self.receiver.hung.set()
            self.receiver.up()
        load.finish()
        n.quit()
        # what a busy machine does to the slowest 1 % is in both
        bar = 2 * usual(up, 99) + 2 * usual(up, 50)
        for mode, times in away.items():
            got = usual(times, 99)
            n, n_up = sum(map(len, times)), sum(map(len, up))
            self.tap.ok(got <= bar and n_up > 500 and n > 500,
                        'receiver %s: p99 of %d requests %.1f ms, of %d with '
                        'it %.1f ms (p50 %.1f and %.1f)'
                        % (mode, n, got * 1e3, n_up, usual(up, 99) * 1e3,
                           usual(times, 50) * 1e3, usual(up, 50) * 1e3))

    def case_receiver_hang(self):
        self.trouble('hang', 4)

    def case_receiver_500(self):
        self.trouble('500')

    def case_receiver_401(self):
        self.trouble('401')

    def case_receiver_retry_after(self):
        self.trouble('retry-after')

    def case_receiver_slow(self):
        self.trouble('slow')

    def case_receiver_partial(self):
        self.trouble('partial', 2)

    def overflow(self, name):
        """no room on disk: the newest is dropped and counted, requests and
        the other sink go on, and with room again the spool is used again"""
        n = self.n
        self.receiver.down()
        load = Load(n.port, pause=0)
        wait(lambda: n.accounts()['otlp']['dropped'] > 0
             or len(load.done) > 60000, 60, 'something is dropped')
        done = load.finish()
        self.balance_now('%s: balanced' % name)
        a = n.accounts()
        self.tap.ok(load.failed == 0 and a['file']['dropped'] == 0,
                    '%s: no request fails, the other sink loses nothing'
                    % name, load.failed, a['file'])
        self.tap.ok(a['otlp']['spool_records'] > 0,
                    '%s: what had room is there' % name, a['otlp'])
        size = sum(os.path.getsize(f)
                   for f in glob.glob(n.dir + '/spool/*.spool'))
        self.tap.ok(size <= 1024 * 1024, '%s: %d bytes' % (name, size))
        self.receiver.up()
        wait(n.settled, 40, 'all is sent')
        lost = n.dropped('otlp')
        miss = done - self.receiver.got()
        self.tap.ok(len(miss) == lost['spool_full'] == sum(lost.values()),
                    '%s: %d lost, %d counted as spool_full'
                    % (name, len(miss), lost['spool_full']), lost)

        self.receiver.down()
        load = Load(n.port, pause=0.02)
        wait(lambda: n.accounts()['otlp']['spool_records'] > 0, 20,
             'it is spooled again')
        done = load.finish()
        self.receiver.up()
        wait(n.settled, 40, 'all is sent')
        miss = done - self.receiver.got()
        self.tap.ok(not miss, '%s: later %d answered, %d lost'
                    % (name, len(done), len(miss)))
        n.quit()

    def case_small_spool(self):
        self.nginx(spool='1m').start()
        self.overflow('spool full')

    def case_disk_full(self):
        n = self.nginx(spool='64m')
        spool = n.dir + '/spool'
        os.mkdir(spool)
        if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=512k',
                           'tmpfs', spool], stderr=subprocess.DEVNULL
                          ).returncode:
            self.tap.ok(True, 'disk full: # SKIP no tmpfs may be mounted')
            return
        try:
            n.start()
            self.overflow('disk full')
            self.tap.ok(any('No space left on device' in line
                            for line in n.log()),
                        'disk full: the log says so')
        finally:
            subprocess.run(['umount', '-l', spool], check=True)

    def case_quit_hang(self):
        """QUIT with a receiver that never answers takes seconds, not more"""
        n = self.nginx().start()
        self.receiver.mode = 'hang'
        load = Load(n.port)
        time.sleep(1)
        done = load.finish()
        begin = time.monotonic()
        n.quit()
        took = time.monotonic() - begin
        self.tap.ok(took < 5, 'QUIT, receiver hanging: %.1f s' % took)
        self.receiver.mode = 'ok'
        self.receiver.hung.set()
        n.restart()
        self.check('QUIT, receiver hanging, new start', done)
        n.quit()

    def case_rotate(self):
        n = self.nginx().start()
        load = Load(n.port)
        time.sleep(0.5)
        os.rename(n.dir + '/spans.json', n.dir + '/spans.json.1')
        n.kill(signal.SIGUSR1)
        time.sleep(0.7)
        done = load.finish()
        self.check('rotation and USR1', done)
        self.tap.ok(os.path.exists(n.dir + '/spans.json'),
                    'USR1: a new file')
        n.quit()

    def run(self, names):
        cases = [m[5:] for m in dir(self) if m.startswith('case_')]
        first = ['plain', 'worker_kill', 'helper_kill']
        cases.sort(key=lambda c: (first.index(c) if c in first else 9, c))
        for case in names or cases:
            begin = time.monotonic()
            try:
                getattr(self, 'case_' + case)()
            except Exception as e:              # a case fails, others run
                self.tap.ok(False, '%s: %s: %s'
                            % (case, type(e).__name__, e))
                if self.opts.debug:
                    raise
            finally:
                self.n.cleanup()
                self.receiver.hung.set()
                self.receiver.down()
            self.tap.note('%s: %.1f s' % (case, time.monotonic() - begin))
        return self.tap.done()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--module', default=os.environ.get('GENAI_MODULE'))
    p.add_argument('cases', nargs='*')
    p.add_argument('--full', action='store_true',
                   default=bool(os.environ.get('GENAI_FULL')))
    p.add_argument('--keep', action='store_true')
    p.add_argument('--debug', action='store_true')
    p.add_argument('--tmp', default=None)
    p.add_argument('--nginx',
                   default=os.environ.get('TEST_NGINX_BINARY', 'nginx'))
    opts = p.parse_args()
    # static: the module is linked into the binary
    if not opts.module:
        p.error('which module?')
    opts.module = ('' if opts.module == 'static'
                   else os.path.abspath(opts.module))
    opts.nginx = shutil.which(opts.nginx) or '/usr/sbin/nginx'
    sys.exit(Chaos(opts).run(opts.cases))


main()
