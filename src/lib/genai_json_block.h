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
 *     block_any(x)    0: no byte is a quote, a backslash or a bracket
 *     block_bits(m)   how many bits of m are set
 *     block_xor(m)    bit n: the parity of bits 0 … n of m
 *
 * The end of the input is copied to a block of its own, so that nothing is
 * read that is not there.
 */


#define block_first(m)     ((unsigned) __builtin_ctzll(m))
#define block_below(n)     (((uint64_t) 1 << (n)) - 1)


/*
 * The end of the input is loaded with what is before it, and the masks are
 * shifted until p is their first bit; input that is shorter than a block is
 * left to the scalar loops.  So nothing is read that is not there.
 */

static BLOCK_TARGET const char *
BLOCK(stop)(const char *base, const char *p, const char *end)
{
    block_t   x;
    unsigned  shift;
    uint64_t  stop;

    if (end - base < 64) {
        return scalar_stop(base, p, end);
    }

    for ( /* void */ ; end - p >= 64; p += 64) {

        x = block_load(p);
        stop = block_eq(x, '"') | block_eq(x, '\\') | block_low(x);

        if (stop) {
            return p + block_first(stop);
        }
    }

    if (p == end) {
        return end;
    }

    x = block_load(end - 64);
    shift = (unsigned) (64 - (end - p));
    stop = (block_eq(x, '"') | block_eq(x, '\\') | block_low(x)) >> shift;

    return stop ? p + block_first(stop) : end;
}


static BLOCK_TARGET const char *
BLOCK(space)(const char *base, const char *p, const char *end)
{
    block_t   x;
    uint64_t  stop;

    for ( /* void */ ; end - p >= 64; p += 64) {

        x = block_load(p);
        stop = ~(block_eq(x, ' ') | block_eq(x, '\n') | block_eq(x, '\r')
                 | block_eq(x, '\t'));

        if (stop) {
            return p + block_first(stop);
        }
    }

    return scalar_space(base, p, end);
}


static inline __attribute__((always_inline)) BLOCK_TARGET uint64_t
BLOCK(pass_one)(block_t x, unsigned shift, uint64_t *carry,
    uint64_t *slashes)
{
    uint64_t  second;

    *slashes = escapes(block_eq(x, '\\') >> shift, carry, &second);

    return (block_eq(x, '"') >> shift & ~second) | block_low(x) >> shift;
}


static BLOCK_TARGET const char *
BLOCK(pass)(const char *base, const char *p, const char *end,
    unsigned *escaped)
{
    size_t    n;
    block_t   x;
    unsigned  shift;
    uint64_t  carry, stop, slashes;

    if (end - base < 64) {
        return scalar_pass(base, p, end, escaped);
    }

    carry = *escaped;
    *escaped = 0;

    for ( /* void */ ; end - p >= 64; p += 64) {

        stop = BLOCK(pass_one)(block_load(p), 0, &carry, &slashes);

        if (stop) {
            return p + block_first(stop);
        }
    }

    n = (size_t) (end - p);

    if (n) {
        x = block_load(end - 64);
        shift = (unsigned) (64 - n);
        stop = BLOCK(pass_one)(x, shift, &carry, &slashes);

        if (stop) {
            return p + block_first(stop);
        }

        carry = slashes >> (n - 1) & 1;
    }

    *escaped = (unsigned) carry;

    return end;
}


static inline __attribute__((always_inline)) BLOCK_TARGET uint64_t
BLOCK(count_one)(block_t x, unsigned shift, uint64_t *carry,
    uint64_t *slashes, uint64_t *second)
{
    *slashes = escapes(block_eq(x, '\\') >> shift, carry, second);

    return (block_eq(x, '"') >> shift & ~*second) | block_low(x) >> shift
           | (block_eq(x, 'u') >> shift & *second);
}


static BLOCK_TARGET const char *
BLOCK(count)(const char *base, const char *p, const char *end,
    unsigned *escaped, uint64_t *chars)
{
    size_t    n;
    block_t   x;
    unsigned  shift;
    uint64_t  carry, stop, slashes, second, sum;

    if (end - base < 64) {
        return scalar_count(base, p, end, escaped, chars);
    }

    carry = *escaped;
    *escaped = 0;
    sum = *chars;

    for ( /* void */ ; end - p >= 64; p += 64) {

        x = block_load(p);
        stop = BLOCK(count_one)(x, 0, &carry, &slashes, &second);

        if (stop) {
            n = block_first(stop);
            *escaped = second >> n & 1;
            *chars = sum + block_bits(block_lead(x) & ~slashes
                                      & block_below(n));
            return p + n;
        }

        sum += block_leads(x) - block_bits(slashes);
    }

    n = (size_t) (end - p);

    if (n) {
        x = block_load(end - 64);
        shift = (unsigned) (64 - n);
        stop = BLOCK(count_one)(x, shift, &carry, &slashes, &second);

        if (stop) {
            n = block_first(stop);
            *escaped = second >> n & 1;

        } else {
            carry = slashes >> (n - 1) & 1;
        }

        sum += block_bits(block_lead(x) >> shift & ~slashes
                          & block_below(n));
        end = p + n;

        if (stop) {
            *chars = sum;
            return end;
        }
    }

    *chars = sum;
    *escaped = (unsigned) carry;

    return end;
}


/* returns 64 to go on, 65 when it is too deep, or how many bytes there are
 * to the end of the subtree */

static inline __attribute__((always_inline)) BLOCK_TARGET unsigned
BLOCK(tree_one)(genai_json_tree_t *t, block_t x, unsigned shift,
    uint64_t *carry, uint64_t *quoted, uint64_t *slashes)
{
    block_t   y;
    uint64_t  quotes, second, open, close, commas, all, bit, left;

    if (!block_any(x)) {             /* numbers, or the midst of a string */

        *carry = 0;
        *slashes = 0;

        if (t->depth == 1 && !*quoted) {
            t->commas += (uint32_t) block_bits(block_eq(x, ',') >> shift);
        }

        return 64;
    }

    *slashes = escapes(block_eq(x, '\\') >> shift, carry, &second);
    quotes = block_eq(x, '"') >> shift & ~second;

    if (quotes) {
        *quoted ^= block_xor(quotes);
    }

    y = block_fold(x);
    open = block_eq(y, '{') >> shift & ~*quoted;
    close = block_eq(y, '}') >> shift & ~*quoted;
    commas = block_eq(x, ',') >> shift & ~*quoted;
    all = open | close;

    if (all == 0) {
        if (t->depth == 1) {
            t->commas += (uint32_t) block_bits(commas);
        }

        return 64;
    }

    if (t->depth > block_bits(close) + 1
        && t->depth + block_bits(open) <= t->max)
    {
        t->depth += (uint32_t) (block_bits(open) - block_bits(close));
        return 64;
    }

    for (left = ~(uint64_t) 0; all; all &= all - 1) {
        bit = all & -all;

        if (t->depth == 1) {
            t->commas += (uint32_t) block_bits(commas & left & (bit - 1));
        }

        left = ~(bit | (bit - 1));

        if (open & bit) {
            if (++t->depth > t->max) {
                return 65;
            }

        } else if (--t->depth == 0) {
            return block_first(bit);
        }
    }

    if (t->depth == 1) {
        t->commas += (uint32_t) block_bits(commas & left);
    }

    return 64;
}


static BLOCK_TARGET const char *
BLOCK(tree)(genai_json_tree_t *tree, const char *base, const char *p,
    const char *end)
{
    size_t             n;
    block_t            x;
    unsigned           done, shift;
    uint64_t           carry, quoted, slashes;
    genai_json_tree_t  t;

    if (end - base < 64) {
        return scalar_tree(tree, base, p, end);
    }

    t = *tree;
    carry = t.escaped;
    quoted = t.quoted ? ~(uint64_t) 0 : 0;
    done = 64;

    for ( /* void */ ; end - p >= 64; p += 64) {

        done = BLOCK(tree_one)(&t, block_load(p), 0, &carry, &quoted,
                               &slashes);
        if (done != 64) {
            break;
        }

        quoted = (uint64_t) ((int64_t) quoted >> 63);
    }

    n = (size_t) (end - p);

    if (n && done == 64) {
        x = block_load(end - 64);
        shift = (unsigned) (64 - n);
        done = BLOCK(tree_one)(&t, x, shift, &carry, &quoted, &slashes);
        carry = slashes >> (n - 1) & 1;
        quoted = quoted >> (n - 1);
    }

    t.escaped = (unsigned) carry;
    t.quoted = quoted & 1;
    *tree = t;

    if (done == 65) {
        return NULL;
    }

    return done == 64 ? end : p + done + 1;
}


#undef block_first
#undef block_below
