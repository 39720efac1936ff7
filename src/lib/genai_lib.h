/*
 * Names shared by all pure code: slices, return codes, small helpers.
 * Nothing here may include an nginx header.
 */

#ifndef GENAI_LIB_H
#define GENAI_LIB_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>


enum {
    GENAI_OK = 0,
    GENAI_ERROR = -1,
    GENAI_AGAIN = -2,
    GENAI_DONE = -4,
    GENAI_DECLINED = -5
};


/* a slice: not zero-terminated, never owned */

typedef struct {
    const char  *data;
    size_t       len;
} genai_str_t;


#define genai_string(s)      { s, sizeof(s) - 1 }
#define genai_nelts(a)       (sizeof(a) / sizeof((a)[0]))

#define genai_likely(x)      __builtin_expect(!!(x), 1)
#define genai_unlikely(x)    __builtin_expect(!!(x), 0)

#define GENAI_NS_PER_SEC     1000000000ULL
#define GENAI_PICO_PER_USD   1000000000000LL


static inline genai_str_t
genai_str(const char *data, size_t len)
{
    genai_str_t  s;

    s.data = data;
    s.len = len;

    return s;
}


static inline genai_str_t
genai_strz(const char *z)
{
    return genai_str(z, z ? strlen(z) : 0);
}


static inline int
genai_str_eq(genai_str_t a, genai_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline int
genai_str_is(genai_str_t a, const char *z)
{
    return genai_str_eq(a, genai_strz(z));
}


#endif /* GENAI_LIB_H */
