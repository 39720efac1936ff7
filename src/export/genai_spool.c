/*
 * Segmented, checksummed, locked files of records.
 */

#include "genai_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "genai_crc32.h"


#define GENAI_SPOOL_VERSION   1
#define GENAI_SPOOL_REC       0x52435047u
#define GENAI_SPOOL_SEGMENT   (4 * 1024 * 1024)
#define GENAI_SPOOL_BUF       (256 * 1024)
#define GENAI_SPOOL_MAXREC    (64 * 1024)
#define GENAI_SPOOL_NAME      256
#define GENAI_SPOOL_SUFFIX    ".spool"


typedef struct {
    char      magic[8];
    uint32_t  version;
    uint32_t  size;                    /* of this header */
    uint64_t  created;                 /* Unix ns: the order of replay */
    uint32_t  pid;
    uint32_t  seq;
    uint64_t  read;                    /* offset of the next record */
    uint64_t  read_check;              /* ~read */
    uint64_t  pad[2];
} genai_spool_head_t;


typedef struct {
    uint32_t  magic;
    uint32_t  len;
    uint16_t  kind;
    uint16_t  flags;
    uint32_t  crc;                     /* of len, kind, flags and the bytes */
} genai_spool_rec_t;


typedef struct genai_segment_s  genai_segment_t;

struct genai_segment_s {
    genai_segment_t  *next;            /* newer */
    int               fd;
    uint64_t          created;
    uint32_t          seq;
    uint64_t          size;            /* flushed bytes */
    uint64_t          done;            /* offset that done() saved */
    uint64_t          records;         /* good ones after done */
    char              name[GENAI_SPOOL_NAME];
};


struct genai_spool_s {
    genai_spool_dir_t  *dir;
    char                prefix[GENAI_SPOOL_NAME / 2];
    uint32_t            seq;

    genai_segment_t    *first;         /* oldest */
    genai_segment_t    *out;           /* being written, NULL: none */

    char               *wbuf;          /* appended, not flushed */
    size_t              wlen;
    uint64_t            wrecords;

    /* the reader: all up to (seg, offset) is taken */

    genai_segment_t    *seg;           /* NULL: before the first */
    uint64_t            offset;
    uint64_t            taken;         /* records of seg */
    uint64_t            peeked;        /* bytes of the record given, 0: none */

    char               *rbuf;
    genai_segment_t    *rseg;          /* what rbuf holds */
    uint64_t            rstart;
    size_t              rlen;

    unsigned            warned:1;      /* full or failing: said so */
};


static int genai_spool_path(genai_spool_t *s, const char *name, char *buf,
    size_t size);
static int genai_spool_parse_name(genai_spool_t *s, const char *name);
static uint64_t genai_spool_adopt_one(genai_spool_t *s, const char *name);
static void genai_spool_insert(genai_spool_t *s, genai_segment_t *seg);
static int genai_spool_new_segment(genai_spool_t *s);
static void genai_spool_remove(genai_spool_t *s, genai_segment_t *seg);
static const char *genai_spool_window(genai_spool_t *s, genai_segment_t *seg,
    uint64_t offset, size_t len);
static const char *genai_spool_find(genai_spool_t *s, genai_segment_t *seg,
    uint64_t *offset, genai_spool_rec_t *rec);
static uint32_t genai_spool_crc(const genai_spool_rec_t *rec,
    const void *buf);


#define genai_spool_pad(n)   (((n) + 7) & ~(size_t) 7)

#define genai_spool_log(s, level, ...)                                       \
    do {                                                                     \
        if ((s)->dir->log) {                                                 \
            (s)->dir->log((s)->dir->log_data, level, __VA_ARGS__);           \
        }                                                                    \
    } while (0)


genai_spool_t *
genai_spool_create(genai_spool_dir_t *dir, const char *name)
{
    char           *p, *last;
    genai_spool_t  *s;

    s = calloc(1, sizeof(genai_spool_t));
    if (s == NULL) {
        return NULL;
    }

    s->dir = dir;
    s->rbuf = malloc(GENAI_SPOOL_BUF);
    s->wbuf = malloc(GENAI_SPOOL_BUF);

    if (s->rbuf == NULL || s->wbuf == NULL) {
        genai_spool_destroy(s);
        return NULL;
    }

    /* a name that is a file name, and another one for another sink */

    p = s->prefix;
    last = s->prefix + sizeof(s->prefix) - 4;

    for ( /* void */ ; *name && p < last; name++) {
        if ((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z')
            || (*name >= '0' && *name <= '9') || *name == '_' || *name == '-')
        {
            *p++ = *name;

        } else {
            p += sprintf(p, "%%%02x", (unsigned char) *name);
        }
    }

    *p = '\0';

    return s;
}


static int
genai_spool_path(genai_spool_t *s, const char *name, char *buf, size_t size)
{
    int  n;

    n = snprintf(buf, size, "%s/%s", s->dir->path, name);

    return n > 0 && (size_t) n < size ? GENAI_OK : GENAI_ERROR;
}


/* adopting */

uint64_t
genai_spool_adopt(genai_spool_t *s)
{
    DIR            *d;
    char            path[4096];
    size_t          len;
    uint64_t        found = 0;
    struct stat     st;
    struct dirent  *e;

    d = opendir(s->dir->path);

    if (d == NULL) {
        genai_spool_log(s, 3, "cannot open spool \"%s\": %s", s->dir->path,
                        strerror(errno));
        return 0;
    }

    s->dir->used = 0;

    while ((e = readdir(d)) != NULL) {

        len = strlen(e->d_name);

        if (len < sizeof(GENAI_SPOOL_SUFFIX)
            || len >= GENAI_SPOOL_NAME
            || strcmp(e->d_name + len - (sizeof(GENAI_SPOOL_SUFFIX) - 1),
                      GENAI_SPOOL_SUFFIX)
               != 0)
        {
            continue;
        }

        if (genai_spool_parse_name(s, e->d_name)) {
            found += genai_spool_adopt_one(s, e->d_name);
        }

        if (genai_spool_path(s, e->d_name, path, sizeof(path)) == GENAI_OK
            && stat(path, &st) == 0)
        {
            s->dir->used += (uint64_t) st.st_size;
        }
    }

    closedir(d);

    return found;
}


static int
genai_spool_parse_name(genai_spool_t *s, const char *name)
{
    size_t  len;

    len = strlen(s->prefix);

    if (strncmp(name, s->prefix, len) != 0 || name[len] != '.') {
        return 0;
    }

    name += len;

    for (len = 0; len < 2; len++) {
        if (*name++ != '.' || *name < '0' || *name > '9') {
            return 0;
        }

        name += strspn(name, "0123456789");
    }

    return strcmp(name, GENAI_SPOOL_SUFFIX) == 0;
}


static uint64_t
genai_spool_adopt_one(genai_spool_t *s, const char *name)
{
    char                path[4096];
    uint64_t            offset, records;
    struct stat         st;
    genai_segment_t    *seg;
    genai_spool_rec_t   rec;
    genai_spool_head_t  head;

    for (seg = s->first; seg; seg = seg->next) {
        if (strcmp(seg->name, name) == 0) {
            return 0;
        }
    }

    if (genai_spool_path(s, name, path, sizeof(path)) != GENAI_OK) {
        return 0;
    }

    seg = calloc(1, sizeof(genai_segment_t));
    if (seg == NULL) {
        return 0;
    }

    seg->fd = open(path, O_RDWR|O_CLOEXEC|O_NOFOLLOW);

    if (seg->fd == -1) {
        if (errno != ENOENT) {
            genai_spool_log(s, 3, "cannot open spool segment \"%s\": %s",
                            path, strerror(errno));
        }

        free(seg);
        return 0;
    }

    /* in use, or its user deleted it between our open and our lock */

    if (flock(seg->fd, LOCK_EX|LOCK_NB) == -1
        || fstat(seg->fd, &st) == -1 || st.st_nlink == 0)
    {
        close(seg->fd);
        free(seg);
        return 0;
    }

    strcpy(seg->name, name);
    seg->size = (uint64_t) st.st_size;

    if (pread(seg->fd, &head, sizeof(head), 0) != (ssize_t) sizeof(head)
        || memcmp(head.magic, "GENAISPL", 8) != 0
        || head.version != GENAI_SPOOL_VERSION
        || head.size != sizeof(head))
    {
        if (seg->size >= sizeof(head)) {
            genai_spool_log(s, 3, "\"%s\" is not a spool segment of this "
                            "version, it is left alone", path);
            close(seg->fd);
            free(seg);
            return 0;
        }

        /* its maker died before the first record */

        head.created = 0;
        head.read = sizeof(head);
        head.read_check = ~head.read;
    }

    seg->created = head.created;
    seg->seq = head.seq;
    seg->done = sizeof(head);

    if (head.read_check == ~head.read && head.read >= sizeof(head)
        && head.read <= seg->size)
    {
        seg->done = head.read;
    }

    offset = seg->done;
    records = 0;

    while (genai_spool_find(s, seg, &offset, &rec) != NULL) {
        offset += sizeof(rec) + genai_spool_pad(rec.len);
        records++;
    }

    if (records == 0) {
        (void) unlink(path);
        close(seg->fd);
        free(seg);
        s->rseg = NULL;
        return 0;
    }

    seg->records = records;

    /* a record that its writer did not finish */

    if (offset < seg->size && ftruncate(seg->fd, (off_t) offset) == 0) {
        seg->size = offset;
    }

    genai_spool_insert(s, seg);

    return records;
}


/* oldest first; never before the one that is being read */

static void
genai_spool_insert(genai_spool_t *s, genai_segment_t *seg)
{
    genai_segment_t  **p;

    p = s->seg ? &s->seg->next : &s->first;

    while (*p && ((*p)->created < seg->created
                  || ((*p)->created == seg->created && (*p)->seq < seg->seq)))
    {
        p = &(*p)->next;
    }

    seg->next = *p;
    *p = seg;
}


/* writing */

static int
genai_spool_new_segment(genai_spool_t *s)
{
    char                path[4096];
    struct timespec     ts;
    genai_segment_t    *seg;
    genai_spool_head_t  head;

    seg = calloc(1, sizeof(genai_segment_t));
    if (seg == NULL) {
        return GENAI_ERROR;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    memset(&head, 0, sizeof(head));
    memcpy(head.magic, "GENAISPL", 8);
    head.version = GENAI_SPOOL_VERSION;
    head.size = sizeof(head);
    head.created = (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC
                   + (uint64_t) ts.tv_nsec;
    head.pid = (uint32_t) getpid();
    head.seq = s->seq;
    head.read = sizeof(head);
    head.read_check = ~head.read;

    do {
        snprintf(seg->name, sizeof(seg->name), "%s.%u.%u" GENAI_SPOOL_SUFFIX,
                 s->prefix, head.pid, s->seq++);

        if (genai_spool_path(s, seg->name, path, sizeof(path)) != GENAI_OK) {
            free(seg);
            return GENAI_ERROR;
        }

        seg->fd = open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    } while (seg->fd == -1 && errno == EEXIST);

    if (seg->fd == -1) {
        free(seg);
        return GENAI_ERROR;
    }

    /* the master writes for the helper of its next life */

    if (geteuid() == 0 && s->dir->uid != 0
        && fchown(seg->fd, s->dir->uid, s->dir->gid) == -1)
    {
        genai_spool_log(s, 3, "cannot give \"%s\" to the worker user: %s",
                        path, strerror(errno));
    }

    if (flock(seg->fd, LOCK_EX|LOCK_NB) == -1
        || pwrite(seg->fd, &head, sizeof(head), 0) != (ssize_t) sizeof(head))
    {
        (void) unlink(path);
        close(seg->fd);
        free(seg);
        return GENAI_ERROR;
    }

    seg->created = head.created;
    seg->seq = head.seq;
    seg->size = sizeof(head);
    seg->done = sizeof(head);

    s->dir->used += sizeof(head);
    s->out = seg;
    genai_spool_insert(s, seg);

    return GENAI_OK;
}


int
genai_spool_append(genai_spool_t *s, unsigned kind, unsigned flags,
    const void *buf, size_t len)
{
    char               *p;
    size_t              size;
    genai_spool_rec_t   rec;

    size = sizeof(rec) + genai_spool_pad(len);

    if (len > GENAI_SPOOL_MAXREC) {
        return GENAI_DECLINED;
    }

    if (s->wlen + size > GENAI_SPOOL_BUF) {
        return GENAI_AGAIN;
    }

    if (s->dir->used + s->wlen + size + sizeof(genai_spool_head_t)
        > s->dir->max)
    {
        return GENAI_DECLINED;
    }

    rec.magic = GENAI_SPOOL_REC;
    rec.len = (uint32_t) len;
    rec.kind = (uint16_t) kind;
    rec.flags = (uint16_t) flags;
    rec.crc = genai_spool_crc(&rec, buf);

    p = s->wbuf + s->wlen;
    memcpy(p, &rec, sizeof(rec));
    memcpy(p + sizeof(rec), buf, len);
    memset(p + sizeof(rec) + len, 0, genai_spool_pad(len) - len);

    s->wlen += size;
    s->wrecords++;

    return GENAI_OK;
}


int
genai_spool_flush(genai_spool_t *s)
{
    size_t            n;
    ssize_t           rc = 0;
    uint64_t          records;
    genai_segment_t  *seg;

    if (s->wlen == 0) {
        return GENAI_OK;
    }

    if (s->out && (s->out->size >= GENAI_SPOOL_SEGMENT
                   || s->out->size >= s->dir->max / 8))
    {
        (void) fdatasync(s->out->fd);
        s->out = NULL;
    }

    if (s->out == NULL && genai_spool_new_segment(s) != GENAI_OK) {
        goto failed;
    }

    seg = s->out;

    for (n = 0; n < s->wlen; n += (size_t) rc) {
        rc = pwrite(seg->fd, s->wbuf + n, s->wlen - n,
                    (off_t) (seg->size + n));

        if (rc == -1 && errno == EINTR) {
            rc = 0;
            continue;
        }

        if (rc <= 0) {
            n = (size_t) ftruncate(seg->fd, (off_t) seg->size);
            goto failed;
        }
    }

    records = s->wrecords;

    seg->size += s->wlen;
    seg->records += records;
    s->dir->used += s->wlen;
    s->warned = 0;

    if (s->rseg == seg) {
        s->rseg = NULL;
    }

    genai_spool_discard(s);

    return GENAI_OK;

failed:

    if (!s->warned) {
        genai_spool_log(s, 3, "cannot write to spool \"%s\": %s",
                        s->dir->path, strerror(errno));
        s->warned = 1;
    }

    genai_spool_discard(s);

    return GENAI_ERROR;
}


void
genai_spool_discard(genai_spool_t *s)
{
    s->wlen = 0;
    s->wrecords = 0;
}


/* reading */

const void *
genai_spool_peek(genai_spool_t *s, genai_rec_t *rec)
{
    const char         *p;
    genai_segment_t    *next;
    genai_spool_rec_t   r;

    if (s->seg == NULL) {
        s->seg = s->first;
        s->taken = 0;

        if (s->seg == NULL) {
            return NULL;
        }

        s->offset = s->seg->done;
    }

    for ( ;; ) {
        p = genai_spool_find(s, s->seg, &s->offset, &r);

        if (p != NULL) {
            rec->len = r.len;
            rec->kind = r.kind;
            rec->flags = r.flags;
            s->peeked = sizeof(r) + genai_spool_pad(r.len);

            return p;
        }

        next = s->seg->next;

        if (next == NULL) {
            s->peeked = 0;
            return NULL;
        }

        s->seg = next;
        s->offset = next->done;
        s->taken = 0;
    }
}


void
genai_spool_next(genai_spool_t *s)
{
    if (s->peeked) {
        s->offset += s->peeked;
        s->taken++;
        s->peeked = 0;
    }
}


void
genai_spool_done(genai_spool_t *s)
{
    uint64_t            place[2], offset;
    genai_segment_t    *seg;
    genai_spool_rec_t   rec;

    if (s->seg == NULL) {
        return;
    }

    while (s->first != s->seg) {
        genai_spool_remove(s, s->first);
    }

    seg = s->seg;

    seg->records -= s->taken < seg->records ? s->taken : seg->records;
    seg->done = s->offset;
    s->taken = 0;

    offset = seg->done;

    if (genai_spool_find(s, seg, &offset, &rec) == NULL) {
        s->seg = NULL;
        genai_spool_remove(s, seg);
        return;
    }

    /* nothing is lost if this fails: a replay repeats what it did not say */

    place[0] = seg->done;
    place[1] = ~seg->done;

    if (pwrite(seg->fd, place, sizeof(place),
               offsetof(genai_spool_head_t, read))
        != (ssize_t) sizeof(place))
    {
        genai_spool_log(s, 4, "cannot note the place in spool segment "
                        "\"%s\": %s", seg->name, strerror(errno));
    }
}


void
genai_spool_rewind(genai_spool_t *s)
{
    s->seg = NULL;
    s->taken = 0;
    s->peeked = 0;
}


uint64_t
genai_spool_records(const genai_spool_t *s)
{
    uint64_t                n = 0;
    const genai_segment_t  *seg;

    for (seg = s->first; seg; seg = seg->next) {
        n += seg->records;
    }

    return n;
}


static void
genai_spool_remove(genai_spool_t *s, genai_segment_t *seg)
{
    char               path[4096];
    genai_segment_t  **p;

    for (p = &s->first; *p != seg; p = &(*p)->next) { /* void */ }

    *p = seg->next;

    if (s->out == seg) {
        s->out = NULL;
    }

    if (s->rseg == seg) {
        s->rseg = NULL;
    }

    if (genai_spool_path(s, seg->name, path, sizeof(path)) == GENAI_OK
        && unlink(path) == -1 && errno != ENOENT)
    {
        genai_spool_log(s, 3, "cannot delete spool segment \"%s\": %s", path,
                        strerror(errno));
    }

    s->dir->used -= seg->size < s->dir->used ? seg->size : s->dir->used;

    close(seg->fd);
    free(seg);
}


void
genai_spool_destroy(genai_spool_t *s)
{
    genai_segment_t  *seg;

    if (s == NULL) {
        return;
    }

    while ((seg = s->first) != NULL) {
        s->first = seg->next;

        if (seg == s->out) {
            (void) fdatasync(seg->fd);
        }

        close(seg->fd);
        free(seg);
    }

    free(s->rbuf);
    free(s->wbuf);
    free(s);
}


/* len bytes at offset, NULL: the segment is shorter */

static const char *
genai_spool_window(genai_spool_t *s, genai_segment_t *seg, uint64_t offset,
    size_t len)
{
    ssize_t   n;
    uint64_t  want;

    if (len > seg->size || offset > seg->size - len) {
        return NULL;
    }

    if (s->rseg != seg || offset < s->rstart
        || offset + len > s->rstart + s->rlen)
    {
        want = seg->size - offset;

        if (want > GENAI_SPOOL_BUF) {
            want = GENAI_SPOOL_BUF;
        }

        s->rseg = NULL;
        n = pread(seg->fd, s->rbuf, (size_t) want, (off_t) offset);

        if (n < (ssize_t) len) {
            return NULL;
        }

        s->rseg = seg;
        s->rstart = offset;
        s->rlen = (size_t) n;
    }

    return s->rbuf + (offset - s->rstart);
}


/* the first good record at *offset or later; what is bad is stepped over */

static const char *
genai_spool_find(genai_spool_t *s, genai_segment_t *seg, uint64_t *offset,
    genai_spool_rec_t *rec)
{
    uint64_t     at;
    const char  *p;

    for (at = *offset; /* void */ ; at += 8) {

        p = genai_spool_window(s, seg, at, sizeof(*rec));

        if (p == NULL) {
            return NULL;
        }

        memcpy(rec, p, sizeof(*rec));

        if (rec->magic != GENAI_SPOOL_REC || rec->len > GENAI_SPOOL_MAXREC) {
            continue;
        }

        p = genai_spool_window(s, seg, at,
                               sizeof(*rec) + genai_spool_pad(rec->len));

        if (p == NULL || rec->crc != genai_spool_crc(rec, p + sizeof(*rec))) {
            continue;
        }

        *offset = at;

        return p + sizeof(*rec);
    }
}


static uint32_t
genai_spool_crc(const genai_spool_rec_t *rec, const void *buf)
{
    uint32_t  crc;

    crc = genai_crc32(0, &rec->len, offsetof(genai_spool_rec_t, crc)
                                    - offsetof(genai_spool_rec_t, len));

    return genai_crc32(crc, buf, rec->len);
}
