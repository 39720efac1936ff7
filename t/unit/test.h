/*
 * A small TAP writer for the C unit tests: each test_*.c includes it once,
 * calls ok()/is_int()/is_str() with a sentence that names the behaviour, and
 * returns done() from main.
 */

#ifndef GENAI_TEST_H
#define GENAI_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>
#include <stdint.h>


static int  test_n, test_bad;


__attribute__((format(printf, 2, 3), unused))
static int
ok(int good, const char *fmt, ...)
{
    va_list  ap;

    test_n++;
    test_bad += !good;

    printf("%sok %d - ", good ? "" : "not ", test_n);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");

    return good;
}


__attribute__((unused))
static int
is_int(long long got, long long want, const char *name)
{
    if (!ok(got == want, "%s", name)) {
        printf("#   got %lld, expected %lld\n", got, want);
        return 0;
    }

    return 1;
}


__attribute__((unused))
static int
is_mem(const char *got, size_t len, const char *want, const char *name)
{
    size_t  n = strlen(want);

    if (!ok(len == n && memcmp(got, want, n) == 0, "%s", name)) {
        printf("#   got \"%.*s\", expected \"%s\"\n", (int) len, got, want);
        return 0;
    }

    return 1;
}


__attribute__((unused))
static int
done(void)
{
    printf("1..%d\n", test_n);

    return test_bad != 0;
}


#endif /* GENAI_TEST_H */
