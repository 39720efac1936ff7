/*
 * The loops over blocks of 64 bytes, included by genai_json_scan.c once per
 * instruction set.  It defines before:
 *
 *     BLOCK(name)     the name of a function of this instruction set
 *     BLOCK_TARGET    attributes of its functions
 *     block_t         64 bytes in registers
 *     block_load(p)   block_t
 *     block_eq(x, c)  64 bits: which bytes are c
 *     block_low(x)    which bytes are below 0x20
 *     block_lead(x)   which bytes are not 10xxxxxx
 *     block_leads(x)  how many of them
 *     block_fold(x)   x with bit 0x20 of all bytes set
 *     block_bits(m)   how many bits of m are set
 *     block_xor(m)    bit n: the parity of bits 0 … n of m
 *
 * The end of the input is copied to a block of its own, so that nothing is
 * read that is not there.
 */


#define block_first(m)     ((unsigned) __builtin_ctzll(m))
#define block_below(n)     (((uint64_t) 1 << (n)) - 1)


static inline __attribute__((always_inline)) BLOCK_TARGET block_t
BLOCK(get)(const char *p, size_t n, char pad)
{
    char  tail[64];

    if (genai_likely(n >= 64)) {
        return block_load(p);
    }

    memset(tail, pad, 64);
    memcpy(tail, p, n);

    return block_load(tail);
}


static BLOCK_TARGET const char *
BLOCK(stop)(const char *p, const char *end)
{
    block_t   x;
    uint64_t  stop;

    for ( /* void */ ; p < end; p += 64) {

        x = BLOCK(get)(p, (size_t) (end - p), ' ');
        stop = block_eq(x, '"') | block_eq(x, '\\') | block_low(x);

        if (stop) {
            return p + block_first(stop);
        }
    }

    return end;
}


static BLOCK_TARGET const char *
BLOCK(space)(const char *p, const char *end)
{
    block_t   x;
    uint64_t  stop;

    for ( /* void */ ; p < end; p += 64) {

        x = BLOCK(get)(p, (size_t) (end - p), ' ');
        stop = ~(block_eq(x, ' ') | block_eq(x, '\n') | block_eq(x, '\r')
                 | block_eq(x, '\t'));

        if (stop) {
            return p + block_first(stop);
        }
    }

    return end;
}


static BLOCK_TARGET const char *
BLOCK(pass)(const char *p, const char *end, unsigned *escaped)
{
    size_t    n;
    block_t   x;
    uint64_t  carry, stop, slashes, second;

    carry = *escaped;

    for ( /* void */ ; p < end; p += 64) {

        n = (size_t) (end - p);
        x = BLOCK(get)(p, n, ' ');

        slashes = escapes(block_eq(x, '\\'), &carry, &second);
        stop = (block_eq(x, '"') & ~second) | block_low(x);

        if (stop) {
            *escaped = 0;
            return p + block_first(stop);
        }

        if (n < 64) {
            carry = slashes >> (n - 1) & 1;
            break;
        }
    }

    *escaped = (unsigned) carry;

    return end;
}


static BLOCK_TARGET const char *
BLOCK(count)(const char *p, const char *end, unsigned *escaped,
    uint64_t *chars)
{
    size_t    n;
    block_t   x;
    uint64_t  carry, stop, slashes, second, passed;

    carry = *escaped;

    for ( /* void */ ; p < end; p += 64) {

        n = (size_t) (end - p);
        x = BLOCK(get)(p, n, ' ');

        slashes = escapes(block_eq(x, '\\'), &carry, &second);
        stop = (block_eq(x, '"') & ~second) | block_low(x)
               | (block_eq(x, 'u') & second);

        if (genai_likely(stop == 0 && n >= 64)) {
            *chars += block_leads(x) - block_bits(slashes);
            continue;
        }

        if (stop) {
            n = block_first(stop);
        }

        passed = block_below(n);
        *chars += block_bits(block_lead(x) & ~slashes & passed);

        if (stop) {
            *escaped = second >> n & 1;
            return p + n;
        }

        carry = slashes >> (n - 1) & 1;
        break;
    }

    *escaped = (unsigned) carry;

    return end;
}


static BLOCK_TARGET const char *
BLOCK(tree)(genai_json_tree_t *t, const char *p, const char *end)
{
    size_t    n;
    block_t   x, y;
    uint32_t  depth;
    uint64_t  carry, quoted, quotes, slashes, second, open, close, commas;
    uint64_t  all, bit, left;

    carry = t->escaped;
    quoted = t->quoted ? ~(uint64_t) 0 : 0;
    depth = t->depth;

    for ( /* void */ ; p < end; p += 64) {

        n = (size_t) (end - p);
        x = BLOCK(get)(p, n, ' ');

        slashes = escapes(block_eq(x, '\\'), &carry, &second);
        quotes = block_eq(x, '"') & ~second;

        if (quotes) {
            quoted ^= block_xor(quotes);
        }

        y = block_fold(x);
        open = block_eq(y, '{') & ~quoted;
        close = block_eq(y, '}') & ~quoted;
        commas = block_eq(x, ',') & ~quoted;
        all = open | close;

        if (all == 0) {
            if (depth == 1) {
                t->commas += (uint32_t) block_bits(commas);
            }

        } else if (depth > block_bits(close) + 1
                   && depth + block_bits(open) <= t->max)
        {
            depth += (uint32_t) (block_bits(open) - block_bits(close));

        } else {
            for (left = ~(uint64_t) 0; all; all &= all - 1) {
                bit = all & -all;

                if (depth == 1) {
                    t->commas += (uint32_t) block_bits(commas & left
                                                       & (bit - 1));
                }

                left = ~(bit | (bit - 1));

                if (open & bit) {
                    if (++depth > t->max) {
                        return NULL;
                    }

                } else if (--depth == 0) {
                    t->depth = 0;
                    return p + block_first(bit) + 1;
                }
            }

            if (depth == 1) {
                t->commas += (uint32_t) block_bits(commas & left);
            }
        }

        if (n < 64) {
            carry = slashes >> (n - 1) & 1;
            quoted = quoted >> (n - 1);
            break;
        }

        quoted = (uint64_t) ((int64_t) quoted >> 63);
    }

    t->escaped = (unsigned) carry;
    t->quoted = quoted & 1;
    t->depth = depth;

    return end;
}


#undef block_first
#undef block_below
