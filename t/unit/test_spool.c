/*
 * The spool: order, limits, adoption, and every kind of damage to a segment.
 */

#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/export/genai_spool.h"


static char               dir_path[] = "/tmp/genai_spool_XXXXXX";
static genai_spool_dir_t  dir;


static void
clean(void)
{
    DIR            *d;
    char            path[512];
    struct dirent  *e;

    d = opendir(dir_path);

    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", dir_path, e->d_name);
            unlink(path);
        }
    }

    closedir(d);
}


static int
files(char *one, size_t size)
{
    int             n = 0;
    DIR            *d;
    struct dirent  *e;

    d = opendir(dir_path);

    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(one, size, "%s/%s", dir_path, e->d_name);
            n++;
        }
    }

    closedir(d);

    return n;
}


static genai_spool_t *
make(const char *name)
{
    memset(&dir, 0, sizeof(dir));
    dir.path = dir_path;
    dir.max = 64 * 1024 * 1024;

    return genai_spool_create(&dir, name);
}


/* a record of the number n: its bytes follow from it */

static int
append(genai_spool_t *s, uint32_t n)
{
    int       rc;
    char      buf[2000];
    size_t    len = 4 + n * 37 % 1900;

    memset(buf, (int) (n & 0xff), len);
    memcpy(buf, &n, 4);

    rc = genai_spool_append(s, n & 7, n & 3, buf, len);

    if (rc == GENAI_AGAIN) {
        rc = genai_spool_flush(s);
        return rc == GENAI_OK ? append(s, n) : rc;
    }

    return rc;
}


static int
take(genai_spool_t *s, uint32_t *n)
{
    const char   *p;
    genai_rec_t   rec;

    p = genai_spool_peek(s, &rec);

    if (p == NULL) {
        return 0;
    }

    memcpy(n, p, 4);
    genai_spool_next(s);

    if (rec.len != 4 + *n * 37 % 1900 || rec.kind != (*n & 7)
        || rec.flags != (*n & 3)
        || (rec.len > 4 && p[rec.len - 1] != (char) (*n & 0xff)))
    {
        *n = UINT32_MAX;
    }

    return 1;
}


static void
test_order(void)
{
    int             good = 1;
    char            one[512];
    uint32_t        i, n, from = 0, again = 0;
    struct stat     st;
    genai_spool_t  *s;

    s = make("otlp");

    for (i = 0; i < 20000; i++) {
        append(s, i);
    }

    genai_spool_flush(s);

    is_int((long long) genai_spool_records(s), 20000, "records are counted");
    ok(files(one, sizeof(one)) > 3, "in several segments");
    stat(one, &st);
    is_int(st.st_mode & 0777, 0600, "that nobody else can read");

    for (i = 0; i < 20000; i++) {
        good &= take(s, &n) && n == i;

        if (i % 512 == 511) {
            if (i % 3 || i == again) {
                genai_spool_done(s);
                from = i + 1;

            } else {
                genai_spool_rewind(s);
                again = i;
                i = from;
                good &= take(s, &n) && n == from;
            }
        }
    }

    ok(good, "they come in order, again after a rewind");
    ok(!take(s, &n), "and end");
    genai_spool_done(s);
    is_int((long long) genai_spool_records(s), 0, "none is left");
    is_int(files(one, sizeof(one)), 0, "nor a file");
    is_int((long long) dir.used, 0, "nor bytes in use");

    append(s, 1);
    genai_spool_flush(s);
    ok(take(s, &n) && n == 1, "an emptied spool takes more");
    append(s, 2);
    genai_spool_flush(s);
    ok(take(s, &n) && n == 2, "also while it is read");

    genai_spool_destroy(s);
    clean();
}


static void
test_adopt(void)
{
    char            one[512];
    uint32_t        i, n = 0;
    genai_spool_t  *a, *b, *c;

    a = make("file");

    for (i = 0; i < 1000; i++) {
        append(a, i);
    }

    genai_spool_flush(a);

    for (i = 0; i < 300; i++) {
        take(a, &n);
    }

    genai_spool_done(a);

    b = make("file");
    is_int((long long) genai_spool_adopt(b), 0,
           "a segment that lives is not adopted");

    take(a, &n);                        /* not done: will be repeated */
    genai_spool_destroy(a);

    is_int((long long) genai_spool_adopt(b), 700,
           "one whose process died is, from where reading had got to");
    is_int((long long) genai_spool_adopt(b), 0, "once");
    ok(take(b, &n) && n == 300, "what was not done is given again");

    c = make("fil");
    is_int((long long) genai_spool_adopt(c), 0, "not by another sink");
    ok(dir.used > 0, "whose limit counts it all the same");
    genai_spool_destroy(c);

    for (i = 0; i < 699; i++) {
        take(b, &n);
    }

    genai_spool_done(b);
    is_int(files(one, sizeof(one)), 0, "done means deleted");
    genai_spool_destroy(b);

    a = make("a/b c");
    append(a, 5);
    genai_spool_flush(a);
    genai_spool_destroy(a);
    a = make("a/b c");
    is_int((long long) genai_spool_adopt(a), 1,
           "any name makes a file name");
    genai_spool_destroy(a);
    clean();
}


static void
test_limits(void)
{
    int             rc = GENAI_OK;
    uint32_t        i, n;
    struct rlimit   lim, old;
    genai_spool_t  *s;

    s = make("x");
    dir.max = 1024 * 1024;

    for (i = 0; i < 10000; i++) {
        rc = append(s, i);

        if (rc != GENAI_OK) {
            break;
        }
    }

    is_int(rc, GENAI_DECLINED, "the limit holds");
    is_int(genai_spool_flush(s), GENAI_OK, "what fitted is written");
    is_int((long long) genai_spool_records(s), i, "all of it");
    ok(dir.used <= dir.max, "the limit is not passed");

    for (n = 0; n < 600; n++) {
        uint32_t  v;

        take(s, &v);
    }

    genai_spool_done(s);
    is_int(append(s, i), GENAI_OK, "space that was emptied is used again");
    genai_spool_destroy(s);
    clean();

    /* a write that fails in the middle, as on a full disk */

    s = make("x");
    append(s, 0);
    genai_spool_flush(s);

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    lim = old;
    lim.rlim_cur = 3000;
    setrlimit(RLIMIT_FSIZE, &lim);

    for (i = 30; i < 40; i++) {
        append(s, i);
    }

    is_int(genai_spool_flush(s), GENAI_ERROR, "a full disk is told");
    setrlimit(RLIMIT_FSIZE, &old);

    is_int((long long) genai_spool_records(s), 1, "nothing of it counts");
    append(s, 77);
    is_int(genai_spool_flush(s), GENAI_OK, "later it goes on");
    ok(take(s, &n) && n == 0 && take(s, &n) && n == 77 && !take(s, &n),
       "with no trace of what failed");
    genai_spool_destroy(s);
    clean();
}


static void
damage(const char *path, off_t at, const void *buf, size_t len)
{
    int  fd;

    fd = open(path, O_WRONLY);

    if (pwrite(fd, buf, len, at) != (ssize_t) len) {
        ok(0, "pwrite");
    }

    close(fd);
}


static void
test_damage(void)
{
    char            one[512];
    off_t           size;
    uint32_t        i, n, got, bad;
    struct stat     st;
    genai_spool_t  *s;

    s = make("d");

    for (i = 0; i < 100; i++) {
        append(s, i);
    }

    genai_spool_flush(s);
    genai_spool_destroy(s);
    files(one, sizeof(one));
    stat(one, &st);

    /* one byte of one record in the middle */

    damage(one, st.st_size / 2, "\x55\xaa\x55", 3);

    s = make("d");
    is_int((long long) genai_spool_adopt(s), 99,
           "a record that was damaged is stepped over");

    for (got = 0, bad = 0; take(s, &n); got++) {
        bad += n == UINT32_MAX;
    }

    is_int(got, 99, "the others are there");
    is_int(bad, 0, "unharmed");
    genai_spool_destroy(s);

    /* cut at any place: only the tail is lost */

    for (bad = 0, size = st.st_size; size > 20000; size -= 577) {
        off_t     at = 64, end;
        uint32_t  whole = 0;

        for (i = 0; i < 100; i++, at = end) {
            end = at + 16 + ((4 + i * 37 % 1900 + 7) & ~7u);
            whole += end <= size
                     && (st.st_size / 2 >= end || st.st_size / 2 + 3 <= at);
        }

        if (truncate(one, size) != 0) {
            ok(0, "truncate");
        }

        s = make("d");
        bad += genai_spool_adopt(s) != whole;
        genai_spool_destroy(s);
    }

    is_int(bad, 0, "a torn tail costs its record only");

    /* the noted place: nonsense means the start */

    damage(one, 32, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    s = make("d");
    ok(genai_spool_adopt(s) > 10, "a place that is nonsense is ignored");
    genai_spool_destroy(s);

    /* a file of another version is left alone, garbage too */

    damage(one, 0, "GENAISPX", 8);
    s = make("d");
    is_int((long long) genai_spool_adopt(s), 0,
           "what is not ours is not read");
    is_int(files(one, sizeof(one)), 1, "nor deleted");
    genai_spool_destroy(s);
    clean();

    /* lost while we hold it */

    s = make("d");

    for (i = 0; i < 10; i++) {
        append(s, i);
    }

    genai_spool_flush(s);
    files(one, sizeof(one));

    if (truncate(one, 64) != 0) {
        ok(0, "truncate");
    }

    ok(!take(s, &n), "a segment emptied by another gives nothing");
    genai_spool_done(s);
    is_int((long long) genai_spool_records(s), 0, "and no longer counts");
    genai_spool_destroy(s);
    clean();
}


/* a writer killed at any moment: a reader finds whole records in order */

static void
test_kill(void)
{
    int             i, good = 1, status;
    pid_t           pid;
    uint32_t        n, next, k;
    uint64_t        found, total = 0;
    genai_spool_t  *s;

    for (i = 0; i < 30; i++) {
        pid = fork();

        if (pid == 0) {
            s = make("k");

            for (n = 0; ; n++) {
                append(s, n);

                if (n % 7 == 0) {
                    genai_spool_flush(s);
                }
            }
        }

        usleep(2000 + (useconds_t) i * 300);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        s = make("k");
        found = genai_spool_adopt(s);
        total += found;

        for (next = 0, k = 0; take(s, &n); k++) {
            good &= n == next++;
        }

        good &= k == found;
        genai_spool_done(s);
        genai_spool_destroy(s);
        clean();
    }

    ok(good, "after SIGKILL the records are whole and in order");
    ok(total > 100, "%llu of them", (unsigned long long) total);
}


int
main(void)
{
    if (mkdtemp(dir_path) == NULL) {
        return 1;
    }

    test_order();
    test_adopt();
    test_limits();
    test_damage();
    test_kill();

    rmdir(dir_path);

    return done();
}
