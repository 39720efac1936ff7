/*
 * A label has at most so many values, whoever asks.
 */

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "genai_labels.h"


#define SIZE  (256 * 1024)


static genai_str_t
number(char *buf, int n)
{
    return genai_str(buf, (size_t) sprintf(buf, "value-%d", n));
}


static void
test_bound(genai_labels_t *l)
{
    int   i, admitted;
    char  buf[32];

    admitted = 0;

    for (i = 0; i < 1000; i++) {
        admitted += genai_labels_admit(l, genai_strz("team"),
                                       number(buf, i), 200) == 2;
    }

    is_int(admitted, 200, "the first 200 values are admitted");
    is_int(genai_labels_admit(l, genai_strz("team"), number(buf, 7), 200), 1,
           "a value that was admitted is known");
    ok(!genai_labels_admit(l, genai_strz("team"), number(buf, 999), 200),
       "one too many stays out");
    ok(genai_labels_admit(l, genai_strz("tenant"), number(buf, 999), 200),
       "another key has a count of its own");
    ok(genai_labels_admit(l, genai_strz("team"), number(buf, 999), 300),
       "a larger bound lets more in");
}


static void
test_processes(genai_labels_t *l)
{
    int   i, p, admitted;
    char  buf[32];

    for (p = 0; p < 4; p++) {
        if (fork() == 0) {
            for (i = 0; i < 5000; i++) {
                (void) genai_labels_admit(l, genai_strz("many"),
                                          number(buf, i), 100);
            }

            _exit(0);
        }
    }

    while (wait(NULL) > 0) {
        /* void */
    }

    admitted = 0;

    for (i = 0; i < 5000; i++) {
        admitted += genai_labels_admit(l, genai_strz("many"),
                                       number(buf, i), 0);
    }

    ok(admitted >= 100 && admitted <= 104,
       "four processes at once keep the bound (%d)", admitted);
}


int
main(void)
{
    void            *mem;
    genai_labels_t  *l;

    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
               -1, 0);

    ok(genai_labels_init(mem, 100) == NULL, "too little memory is refused");

    l = genai_labels_init(mem, SIZE);

    test_bound(l);
    test_processes(genai_labels_attach(mem));

    return done();
}
