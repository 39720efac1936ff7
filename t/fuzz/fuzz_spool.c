/*
 * A segment of any bytes: adopting and reading it ends, and gives records
 * that a checksum has passed.  With a good header in front, since little
 * would get past a bad one.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/export/genai_spool.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 fd;
    char                path[128];
    uint8_t             head[64];
    uint64_t            found, n, read = 64;
    uint32_t            version = 1, len = 64;
    genai_rec_t         rec;
    genai_spool_t      *s;
    genai_spool_dir_t   dir;

    static char  name[] = "/tmp/genai_fuzz_XXXXXX";
    static int   made;

    if (!made) {
        made = mkdtemp(name) != NULL;
    }

    memset(head, 0, sizeof(head));
    memcpy(head, "GENAISPL", 8);
    memcpy(head + 8, &version, 4);
    memcpy(head + 12, &len, 4);

    if (size && data[0] & 1) {
        read += (data[0] >> 1) * 8u;
    }

    memcpy(head + 32, &read, 8);
    read = ~read;
    memcpy(head + 40, &read, 8);

    snprintf(path, sizeof(path), "%s/f.1.1.spool", name);
    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);

    if (fd == -1 || write(fd, head, sizeof(head)) != (ssize_t) sizeof(head)
        || (size && write(fd, data, size) != (ssize_t) size))
    {
        abort();
    }

    close(fd);

    memset(&dir, 0, sizeof(dir));
    dir.path = name;
    dir.max = 1 << 20;

    s = genai_spool_create(&dir, "f");
    found = genai_spool_adopt(s);

    for (n = 0; genai_spool_peek(s, &rec) != NULL; n++) {
        genai_spool_next(s);
    }

    if (n != found) {
        abort();
    }

    genai_spool_done(s);

    if (genai_spool_records(s) != 0 || genai_spool_peek(s, &rec) != NULL) {
        abort();
    }

    genai_spool_destroy(s);
    unlink(path);

    return 0;
}
