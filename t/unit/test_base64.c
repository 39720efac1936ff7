#include "genai_base64.h"
#include "test.h"


static const char  alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


static size_t
encode(const uint8_t *p, size_t len, char *out, int pad)
{
    size_t    i, n, k;
    uint32_t  v;

    for (n = 0, i = 0; i < len; i += 3) {
        v = (uint32_t) p[i] << 16;
        v |= i + 1 < len ? (uint32_t) p[i + 1] << 8 : 0;
        v |= i + 2 < len ? p[i + 2] : 0;

        for (k = 0; k < 4; k++) {
            if (k > len - i) {
                if (pad) {
                    out[n++] = '=';
                }

            } else {
                out[n++] = alphabet[(v >> (18 - 6 * k)) & 63];
            }
        }
    }

    return n;
}


/*
 * Feeds pieces that end at the cuts, each in memory of exactly its size;
 * returns -1 when done, 1 on an error.
 */

static int
decode(const char *in, size_t len, const size_t *cuts, size_t ncuts,
    char *out, size_t *outlen)
{
    int             rc = GENAI_AGAIN;
    char           *piece, *room;
    size_t          i, from, to, n;
    genai_base64_t  b;

    genai_base64_init(&b);
    *outlen = 0;

    for (from = 0, i = 0; i <= ncuts; i++) {
        to = i < ncuts ? cuts[i] : len;

        n = to - from;
        piece = malloc(n + !n);
        room = malloc(genai_base64_room(n));
        memcpy(piece, in + from, n);

        rc = genai_base64_feed(&b, piece, n, room, &n);

        if (n > genai_base64_room(to - from)) {
            abort();
        }

        memcpy(out + *outlen, room, n);
        *outlen += n;

        free(piece);
        free(room);
        from = to;
    }

    if (rc == GENAI_ERROR && genai_base64_finish(&b) != GENAI_ERROR) {
        return 2;
    }

    return genai_base64_finish(&b) == GENAI_DONE ? -1 : 1;
}


static void
rfc4648(void)
{
    size_t  i, n;
    char    out[64], in[16];

    static const char  *v[][2] = {
        { "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" }, { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" }
    };

    for (i = 0; i < genai_nelts(v); i++) {
        is_int(decode(v[i][0], strlen(v[i][0]), NULL, 0, out, &n), -1,
               "RFC 4648 vector");
        is_mem(out, n, v[i][1], "… its text");

        strcpy(in, v[i][0]);
        in[strcspn(in, "=")] = '\0';
        is_int(decode(in, strlen(in), NULL, 0, out, &n), -1,
               "without its padding");
        is_mem(out, n, v[i][1], "… its text");
    }

    is_int(decode("Zg=", 3, NULL, 0, out, &n), -1, "half of the padding");
}


static void
garbage(void)
{
    int      bad;
    char     in[80], out[80], text[64];
    size_t   i, n, ch, good, cut;

    static const char  *v[] = {
        "=", "Z=", "Z", "Zm9vY", "Zg===", "Zm8==", "Zg==Zg==", "Zg=v",
        "Zm9v=", "Zm9v\n", "Zm 9v", "Zm-_", "Zm9v\xc3\xa4", "Zm9v\"", "===="
    };

    for (i = 0; i < genai_nelts(v); i++) {
        is_int(decode(v[i], strlen(v[i]), NULL, 0, out, &n), 1,
               "not base64");
    }

    memset(text, 0x5a, sizeof(text));
    encode((uint8_t *) text, 48, in, 0);

    /* any byte at any place: all before it is decoded, nothing after it */

    for (bad = 0, good = 0, i = 0; i < 64; i++) {
        for (ch = 0; ch < 256; ch++) {
            char  was = in[i];

            in[i] = (char) ch;
            cut = i / 2;

            if (ch == '=' && i == 63) {
                bad += decode(in, 64, &cut, 1, out, &n) != -1 || n != 47;

            } else if (ch && strchr(alphabet, (int) ch)) {
                bad += decode(in, 64, &cut, 1, out, &n) != -1 || n != 48;
                good++;

            } else {
                bad += decode(in, 64, &cut, 1, out, &n) != 1
                       || n != i * 3 / 4 || memcmp(out, text, n) != 0;
            }

            in[i] = was;
        }
    }

    is_int(bad, 0, "every byte at every place");
    is_int((long long) good, 64 * 64, "64 of them are base64");
}


static void
splits(void)
{
    int       bad, round;
    char      in[1400], out[1400];
    uint8_t   data[1024];
    size_t    i, j, k, len, n, nin, cuts[1400];
    uint32_t  x = 3;

    for (bad = 0, round = 0; round < 400; round++) {

        len = (size_t) round * 2 + 1;

        for (i = 0; i < len; i++) {
            x = x * 1664525 + 1013904223;
            data[i] = (uint8_t) (x >> 24);
        }

        nin = encode(data, len, in, round & 1);

#define same(c, n_cuts)                                                       \
    (decode(in, nin, c, n_cuts, out, &n) == -1 && n == len                    \
     && memcmp(out, data, n) == 0)

        bad += !same(NULL, 0);

        for (i = 0; i < nin; i++) {
            cuts[i] = i;
        }

        bad += !same(cuts, nin);

        if (round < 60) {
            for (i = 0; i < nin; i++) {
                bad += !same(cuts + i, 1);
            }
        }

        for (j = 0; j < 5; j++) {
            for (k = 0, i = 0; i < nin; i++) {
                x = x * 1664525 + 1013904223;

                if (x >> 28 == 0) {
                    cuts[k++] = i;
                }
            }

            bad += !same(cuts, k);
        }
    }

    is_int(bad, 0, "1 to 799 random bytes, in any pieces");
}


int
main(void)
{
    size_t          n;
    char            out[16];
    genai_base64_t  b;

    rfc4648();
    garbage();
    splits();

    genai_base64_init(&b);
    is_int(genai_base64_feed(&b, "Zm", 2, out, &n), GENAI_AGAIN, "Zm");
    is_mem(out, n, "f", "a byte is given when its last bit is in");
    is_int(genai_base64_feed(&b, "!", 1, out, &n), GENAI_ERROR, "!");
    is_int(genai_base64_feed(&b, "9v", 2, out, &n), GENAI_ERROR,
           "the error is latched");
    is_int((long long) n, 0, "and nothing is decoded after it");
    is_int(genai_base64_finish(&b), GENAI_ERROR, "to the end");

    return done();
}
