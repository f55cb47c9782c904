/* exp, log, pow and cube roots without branches, tables or calls, so that compilers vectorise loops over them.

   Only additions, multiplications, divisions, square roots, comparisons and operations on bits are
   used, each of which IEEE 754 defines to the last bit: the results are the same on every
   instruction set and of every compiler, if it neither contracts a * b + c to one operation
   (-ffp-contract=off) nor rearranges sums (no -ffast-math).

   Errors in units in the last place (ulp) of the exact result: the bounds that the tests check, and
   the largest error seen, for exp and log of floats among all of them, otherwise among some hundred
   thousand numbers. Time in nanoseconds per element of a row in the cache, with vectors of 16 bytes
   (SSE2) and of 32 (AVX2), beside calls of the GNU C library 2.36, which has tables, on one busy
   core of an AMD EPYC of 2021:

       function           bound   seen     SSE2   AVX2   library
       cpool_exp_float    1       0.990     1.3   0.65       2.7
       cpool_log_float    1       0.862     2.2   0.9        3.0
       cpool_pow_float    0.51    0.501     5.8   2.9        5.8
       cpool_exp_double   1.5     0.980     3.7   1.7        4.9
       cpool_log_double   1.5     0.795     5.0   2.0        4.3
       cpool_pow_double   2       1.505    18.8   8.4       13.9
       cube root, float   0.51    0.505    1.8   1.0
       cube root, double  1.5     0.952    3.5   1.6

   Special cases of exp, log and pow are those of C99, annex F, with these remarks:

   * Subnormal arguments and results are as good as others: results underflow gradually, and the
     bounds hold there too. Results overflow to infinity within the bounds.
   * pow is for x >= 0. Of x < 0 it is NaN (1 where p is 0) whatever p is, and -0 counts as 0.
   * No floating-point exception means anything, and the sign of a NaN neither. */
#ifndef CPOOL_ELEMENTARY_H
#define CPOOL_ELEMENTARY_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "elementary.h rounds by adding and subtracting: not with -ffast-math"
#endif

#ifndef CPOOL_INLINE
#define CPOOL_INLINE static inline __attribute__((always_inline))
#endif
/* Rows are whole blocks, see types.pxi. */
#ifndef BLOCK
#define BLOCK 32
#endif
#define CPOOL_WHOLE(n, type) \
    (((n) + (ptrdiff_t)(BLOCK / sizeof(type)) - 1) & -(ptrdiff_t)(BLOCK / sizeof(type)))

CPOOL_INLINE uint32_t cpool_float_bits(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
CPOOL_INLINE float cpool_float_of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }
CPOOL_INLINE uint64_t cpool_double_bits(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
CPOOL_INLINE double cpool_double_of(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }

/* The bits of the greatest size of some floats, and those of the smallest less one: see Range in
   lifts.pxi. */
CPOOL_INLINE void cpool_see_size(float x, int32_t *greatest, uint32_t *smallest) {
    const int32_t size = (int32_t)(cpool_float_bits(x) & 0x7fffffffu);
    const uint32_t under = (uint32_t)size - 1;
    *greatest = size > *greatest ? size : *greatest;
    *smallest = under < *smallest ? under : *smallest;
}

/* Polynomials are minimax ones (Remez 1934) for the error relative to the function's value. They
   are evaluated in halves or pairs where that shortens the chain of dependent operations.

   exp: x = n ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts of which the first has few bits, so
   that n times it is exact (Cody & Waite 1980); exp(x) = 2**n (1 + r + r**2 q(r)). Adding a number
   whose last bit is worth 1 rounds to an integer, n, and leaves it in the lower bits. 2**n comes in
   two factors, because n goes beyond the exponents of normal numbers at both ends; only the second
   multiplication rounds, and only where the result is subnormal. */

/* exp(r) - 1, of which all digits are right, and the sum in whose lower bits n is. */
typedef struct { float less_one, shifted; } cpool_exponential_float;
typedef struct { double less_one, shifted; } cpool_exponential_double;

CPOOL_INLINE float cpool_exp_less_one(float r) {
    float rr = r * r;
    float q = (0x1.fffffcp-2f + r * 0x1.555492p-3f)
        + rr * ((0x1.5558f2p-5f + r * 0x1.123a20p-7f) + rr * 0x1.6a23d6p-10f);
    return r + rr * q;
}

CPOOL_INLINE cpool_exponential_float cpool_take_exp_float(float x) {
    const float shift = 0x1p23f + 1024;
    cpool_exponential_float e;
    e.shifted = x * 0x1.715476p+0f + shift;
    float n = e.shifted - shift;
    e.less_one = cpool_exp_less_one((x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f);
    return e;
}

CPOOL_INLINE cpool_exponential_double cpool_take_exp_double(double x) {
    const double shift = 0x1p52 + 8192;
    cpool_exponential_double e;
    e.shifted = x * 0x1.71547652b82fep+0 + shift;
    double n = e.shifted - shift;
    double r = (x - n * 0x1.62e42fefa38p-1) - n * 0x1.ef35793c76730p-45;
    double rr = r * r;
    double low = (0x1.000000000000ap-1 + r * 0x1.55555555554f9p-3)
        + rr * (0x1.555555555083fp-5 + r * 0x1.1111111127d10p-7);
    double high = (0x1.6c16c184388e9p-10 + r * 0x1.a01a012a0e024p-13)
        + rr * ((0x1.a01999e2b7aedp-16 + r * 0x1.71df25b66c2dep-19)
                + rr * (0x1.28ad9b3ee0ff5p-22 + r * 0x1.ad7f393e39706p-26));
    e.less_one = r + rr * (low + rr * rr * high);
    return e;
}

CPOOL_INLINE float cpool_exp_float(float x) {
    cpool_exponential_float e = cpool_take_exp_float(x);
    /* The lower 9 bits of `shifted` are those of n; half of 1024 is 0 in 9 bits. */
    uint32_t sum = cpool_float_bits(e.shifted), half = sum >> 1;
    float y = (1 + e.less_one) * cpool_float_of((half + 127) << 23)
        * cpool_float_of((sum - half + 127) << 23);
    y = x < -104 ? 0 : y;
    return x < 89 ? y : x + INFINITY;
}

CPOOL_INLINE double cpool_exp_double(double x) {
    cpool_exponential_double e = cpool_take_exp_double(x);
    uint64_t sum = cpool_double_bits(e.shifted), half = sum >> 1;
    double y = (1 + e.less_one) * cpool_double_of((half + 1023) << 52)
        * cpool_double_of((sum - half + 1023) << 52);
    y = x < -746 ? 0 : y;
    return x < 710 ? y : x + INFINITY;
}

/* The same bits, in two thirds of the time, where |x| <= 87 or 700, or x is a NaN. */
CPOOL_INLINE float cpool_exp_moderate_float(float x) {
    cpool_exponential_float e = cpool_take_exp_float(x);
    return (1 + e.less_one) * cpool_float_of((cpool_float_bits(e.shifted) + 127) << 23);
}

CPOOL_INLINE double cpool_exp_moderate_double(double x) {
    cpool_exponential_double e = cpool_take_exp_double(x);
    return (1 + e.less_one) * cpool_double_of((cpool_double_bits(e.shifted) + 1023) << 52);
}

/* exp(x) of a float, |x| < 500, as a double, of which the logarithm is wrong by some ulp of x: near
   0 that is much less than an ulp of the exponential. */
CPOOL_INLINE double cpool_exp_wide(float x) {
    cpool_exponential_float e = cpool_take_exp_float(x);
    uint64_t exponent = cpool_float_bits(e.shifted) - (0x4b000000u + 1);  /* 1024 + n - 1 */
    return (1 + (double)e.less_one) * cpool_double_of(exponent << 52);
}

/* log: x = 2**e m, sqrt(1/2) <= m < sqrt(2), by moving the bits of sqrt(1/2) to where the exponent
   changes. Subnormal numbers are multiplied into the normal ones first. */

/* f**3 q(f) in log(1 + f) = f - f**2 / 2 + f**3 q(f). */
CPOOL_INLINE float cpool_log_rest(float f) {
    float ff = f * f;
    float low = (0x1.555548p-2f - f * 0x1.000006p-2f) + ff * (0x1.99a4bcp-3f - f * 0x1.555c5ap-3f);
    float high = (0x1.2336e4p-3f - f * 0x1.fc1f6cp-4f)
        + ff * ((0x1.e6f606p-4f - f * 0x1.de4f9ep-4f) + ff * 0x1.146310p-4f);
    return f * ff * (low + ff * ff * high);
}

CPOOL_INLINE float cpool_log_float(float x) {
    const uint32_t root = 0x3f3504f3u; /* sqrt(1/2) */
    float normal = x < FLT_MIN ? x * 0x1p23f : x;
    float bias = x < FLT_MIN ? 0x1p23f + 127 + 23 : 0x1p23f + 127;
    uint32_t moved = cpool_float_bits(normal) + (0x3f800000u - root);
    float e = cpool_float_of((moved >> 23) | 0x4b000000u) - bias;
    e = x < INFINITY ? e : x;
    float f = cpool_float_of((moved & 0x7fffffu) + root) - 1;
    float rest = cpool_log_rest(f) + e * 0x1.7f7d1cp-20f;
    float y = (f - (0.5f * (f * f) - rest)) + e * 0x1.62e4p-1f;
    return x > 0 ? y : (x == 0 ? -INFINITY : NAN);
}

/* m and e of a double above 0. */
typedef struct { double m, e; } cpool_scientific;

CPOOL_INLINE cpool_scientific cpool_take_apart(double x) {
    const uint64_t root = 0x3fe6a09e667f3bcdu; /* sqrt(1/2) */
    double normal = x < DBL_MIN ? x * 0x1p54 : x;
    double bias = x < DBL_MIN ? 0x1p52 + 1023 + 54 : 0x1p52 + 1023;
    uint64_t moved = cpool_double_bits(normal) + (0x3ff0000000000000u - root);
    cpool_scientific parts;
    parts.e = cpool_double_of((moved >> 52) | 0x4330000000000000u) - bias;
    parts.m = cpool_double_of((moved & 0xfffffffffffffu) + root);
    return parts;
}

/* The same for normal numbers, in fewer steps, with f = m - 1 as a float. */
typedef struct { float f; double e; } cpool_narrow;

CPOOL_INLINE cpool_narrow cpool_take_apart_normal(double x) {
    const uint64_t root = 0x3fe6a09e667f3bcdu; /* sqrt(1/2) */
    uint64_t moved = cpool_double_bits(x) + (0x3ff0000000000000u - root);
    cpool_narrow parts;
    parts.e = cpool_double_of((moved >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
    parts.f = (float)(cpool_double_of((moved & 0xfffffffffffffu) + root) - 1);
    return parts;
}

/* The logarithm of a normal, finite double with the digits of a float, also near 1. */
CPOOL_INLINE float cpool_log_wide(double x) {
    cpool_narrow parts = cpool_take_apart_normal(x);
    float f = parts.f, e = (float)parts.e;
    float rest = cpool_log_rest(f) + e * 0x1.7f7d1cp-20f;
    float y = (f - (0.5f * (f * f) - rest)) + e * 0x1.62e4p-1f;
    return x > 0 ? y : NAN;
}

/* With f = m - 1 and s = f / (2 + f), log(m) is 2 artanh(s) = 2 s + s R(s**2), and 2 s = f - s f,
   which f leads: it is exact (Tang 1990; Ng's log of 1993 writes it like this). */
CPOOL_INLINE double cpool_log_double(double x) {
    cpool_scientific parts = cpool_take_apart(x);
    double e = x < INFINITY ? parts.e : x, f = parts.m - 1;
    double s = f / (parts.m + 1), z = s * s, zz = z * z;
    double low = (0x1.5555555555592p-1 + z * 0x1.999999997fd7ap-2)
        + zz * (0x1.24924941f4dfdp-2 + z * 0x1.c71c520616350p-3);
    double high = (0x1.74663fa06a02fp-3 + z * 0x1.39a1a70dbf383p-3) + zz * 0x1.2f06344bb1174p-3;
    double half = 0.5 * f * f;
    double rest = s * (half + z * (low + zz * zz * high)) + e * 0x1.ef35793c76730p-45;
    double y = (f - (half - rest)) + e * 0x1.62e42fefa38p-1;
    return x > 0 ? y : (x == 0 ? -INFINITY : NAN);
}

/* pow(x, p) = 2**(p log2 x). What depends on p alone stands before a loop:

   p       itself, if its absolute value is not too large for a product with a logarithm, or too
           small for a quotient; p beyond these bounds give the same powers as the bounds,
   more    what a quotient has more than a double of it, p: times the logarithm of a large number
           that is some units in the last place,
   lowest, highest
           where log2 x is cut off: p times it over- or underflows. Variables, not constants, also
           because compilers follow constants through selects and make many out of one,
   none    what becomes of a number below 0, or none. */
typedef struct { double p, more, lowest, highest, none; } cpool_power;

CPOOL_INLINE cpool_power cpool_power_of(double p) {
    double size = fabs(p), bound = size > 0x1p66 ? 0x1p66 : (size < 0x1p-70 ? 0x1p-70 : size);
    cpool_power power;
    power.p = p == 0 ? 0 : copysign(bound, p);
    power.more = 0;
    power.lowest = (p > 0 ? -1080 : -1030) / bound;
    power.highest = (p > 0 ? 1030 : 1080) / bound;
    power.none = p == 0 ? 1 : NAN;
    return power;
}

CPOOL_INLINE double cpool_log2_within(double x, double l, double lowest, double highest) {
    l = l < lowest ? lowest : l;
    l = l > highest ? highest : l;
    return x > 0 ? l : lowest;
}

/* A float's power made of doubles, rounded once; p itself may be a double, but no NaN. */
CPOOL_INLINE float cpool_power_float(float x, cpool_power power) {
    const double shift = 0x1p52 + 1023;
    const uint64_t root = 0x3fe6a09e667f3bcdu;
    /* Subnormal floats are normal doubles. */
    double wide = x;
    uint64_t moved = cpool_double_bits(wide) + (0x3ff0000000000000u - root);
    double e = cpool_double_of((moved >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
    double m = cpool_double_of((moved & 0xfffffffffffffu) + root);
    e = wide < INFINITY ? e : INFINITY;
    double s = (m - 1) / (m + 1), z = s * s, zz = z * z;
    double l = e + s * ((0x1.71547652b8250p+1 + z * 0x1.ec709dc53dd4ap-1)
        + zz * ((0x1.2776c291b9ec9p-1 + z * 0x1.a61a2feadda12p-2)
                + zz * (0x1.47952a5582c5dp-2 + z * 0x1.21b33efbe0813p-2)));
    /* Floats end earlier than doubles: 0.1875 times 1080 and 1030 is 202 and 193. */
    const double lowest = 0.1875 * power.lowest, highest = 0.1875 * power.highest;
    double w = power.p * cpool_log2_within(wide, l, lowest, highest);
    double shifted = w + shift;
    double r = w - (shifted - shift), rr = r * r;
    double g = (0x1.62e42ff0e40edp-1 + r * 0x1.ebfbe07849a24p-3)
        + rr * ((0x1.c6b08abc63861p-5 + r * 0x1.3b29f2d62b481p-7)
                + rr * ((0x1.5d8a888476c9bp-10 + r * 0x1.445d3130b44c2p-13)
                        + rr * 0x1.fde513561da79p-17));
    float y = (float)((1 + r * g) * cpool_double_of(cpool_double_bits(shifted) << 52));
    return x >= 0 ? y : (float)power.none;
}

/* The upper 26 bits of a double: the product of two such numbers is exact (Dekker 1971). */
CPOOL_INLINE double cpool_upper_bits(double x) {
    return cpool_double_of(cpool_double_bits(x) & 0xfffffffff8000000u);
}

/* log2 x in two doubles, of which the first has 26 bits: p times it is needed to 2**-55, and is up
   to 1075. Everything named _h has at most 26 bits, _l is what it lacks.

   log2 m = 2 / (3 ln 2) s t with t = 3 artanh(s) / s = 3 + s**2 + s**4 P(s**2). */
CPOOL_INLINE double cpool_power_double(double x, cpool_power power) {
    const double shift = 0x1p52 + 8192;
    const double c = 0x1.ec709dc3a03fdp-1, c_h = 0x1.ec709ep-1, c_l = -0x1.e2fe0145b01f5p-28;
    cpool_scientific parts = cpool_take_apart(x);
    double m = parts.m, e = x < INFINITY ? parts.e : INFINITY, f = m - 1;
    double v_h = cpool_upper_bits(m + 1), v_l = m - (v_h - 1);
    double inverse = 1 / (m + 1);
    double s_h = cpool_upper_bits(f * inverse);
    double s_l = ((f - s_h * v_h) - s_h * v_l) * inverse;
    double s = s_h + s_l, square = s_h * s_h, z = s * s, zz = z * z;
    double low = (0x1.3333333333330p-1 + z * 0x1.b6db6db6dc850p-2)
        + zz * (0x1.55555554203b0p-2 + z * 0x1.1745d225c7adap-2);
    double high = (0x1.d89d140bd0313p-3 + z * 0x1.99b1113f43070p-3)
        + zz * (0x1.66a6841a051ccp-3 + z * 0x1.704d6289030cep-3);
    double more = zz * (low + zz * zz * high) + s_l * (s_h + s);
    double t_h = cpool_upper_bits(3 + (square + more));
    double t_l = more - ((t_h - 3) - square);
    double u = s_h * t_h, v = s_l * t_h + s * t_l;
    double w_h = cpool_upper_bits(u + v), w_l = v - (w_h - u);
    double a = c_h * w_h, b = c_l * w_h + c * w_l;
    double l = e + (a + b), within = cpool_log2_within(x, l, power.lowest, power.highest);
    double l_h = cpool_upper_bits(within), l_l = within == l ? b - ((l_h - e) - a) : 0;
    double p = power.p, p_h = cpool_upper_bits(p);
    double product = p_h * l_h, rest = ((p - p_h) + power.more) * l_h + p * l_l;
    double shifted = (product + rest) + shift;
    double r = (product - (shifted - shift)) + rest, rr = r * r;
    low = (0x1.62e42fefa39efp-1 + r * 0x1.ebfbdff82c5a5p-3)
        + rr * (0x1.c6b08d7049fe6p-5 + r * 0x1.3b2ab6fba007bp-7);
    high = (0x1.5d87fe78cdbd5p-10 + r * 0x1.4309130efb2efp-13)
        + rr * ((0x1.ffcbfba870ff7p-17 + r * 0x1.62bfc740ab934p-20)
                + rr * ((0x1.b5267e2df29d5p-24 + r * 0x1.e61bf94b89c57p-28)
                        + rr * 0x1.e79b11a611bb6p-32));
    double y = 1 + r * (low + rr * rr * high);
    uint64_t sum = cpool_double_bits(shifted), half = sum >> 1;
    y = y * cpool_double_of((half + 1023) << 52) * cpool_double_of((sum - half + 1023) << 52);
    return x >= 0 ? y : power.none;
}

/* The k-th root, k >= 2, of a double that is 0 or normal and finite, as good as a float:
   with an error of less than one of its ulp. A root divides the logarithm's error by k. */
CPOOL_INLINE double cpool_root_narrow(double x, double inverse_of_k) {
    const double shift = 0x1p52 + 1023;
    cpool_narrow parts = cpool_take_apart_normal(x);
    float f = parts.f, l = f - (0.5f * (f * f) - cpool_log_rest(f));
    double w = (parts.e + l * 0x1.71547652b82fep+0) * inverse_of_k;
    double shifted = w + shift;
    float r = (float)((w - (shifted - shift)) * 0x1.62e42fefa39efp-1);
    double y = (1 + (double)cpool_exp_less_one(r))
        * cpool_double_of(cpool_double_bits(shifted) << 52);
    return x > 0 ? y : (x == 0 ? 0 : NAN);
}

/* The k-th root, 1 <= k < 1000, of such a double with an error of 2.5 ulp.

   x = 2**(k q) rest, with q as the nearest whole number: the logarithm of the rest is so small that
   its error, divided by k, is less than that of the exponential. */
CPOOL_INLINE double cpool_root_double(double x, double k) {
    const double shift = 0x1p52 + 8192;
    cpool_scientific parts = cpool_take_apart(x);
    double q = (parts.e / k + shift) - shift;
    double power = cpool_double_of(cpool_double_bits(q + (0x1p52 + 1023)) << 52);
    double rest = cpool_double_of(cpool_double_bits((parts.e - k * q) + (0x1p52 + 1023)) << 52);
    double y = cpool_exp_double(cpool_log_double(parts.m * rest) / k) * power;
    return x > 0 ? y : (x == 0 ? 0 : NAN);
}

/* The third root of a number that is 0, infinite, or from 2**-126 to 2**126. The bits of a number
   grow with its logarithm, so a third of them and a constant are those of its root, to 3.3 %. A
   step of Halley's takes an error e to 2/3 e**3, one of Newton's, in doubles, to e**2. */
CPOOL_INLINE float cpool_cube_root_float(float x) {
    const float third = 0x1.555556p-2f;
    int32_t guess = 0x2a510800 + (int32_t)((float)(int32_t)cpool_float_bits(x) * third);
    float y = cpool_float_of((uint32_t)guess), cube = y * y * y;
    y = y * ((cube + (x + x)) / ((cube + cube) + x));
    double wide = y;
    wide = wide + (x - wide * wide * wide) * (third / (y * y));
    return x > 0 && x < INFINITY ? (float)wide : x;
}

/* The same, of any normal number, with r = x**(-1/3), as doubles are divided slowly (Moroz, Samotyy,
   Walczyk & Cieslinski 2021): each of Newton's steps takes an error e to 2 e**2, and the root is
   x r**2. */
CPOOL_INLINE double cpool_cube_root_double(double x) {
    const double third = 1.0 / 3;
    uint64_t high = cpool_double_bits(x) >> 32, guess = 0x553ef000u - (high * 0x55555556u >> 32);
    double a = x * third, r = cpool_double_of(guess << 32);
    r = r * (4 * third - (a * r) * (r * r));
    r = r * (4 * third - (a * r) * (r * r));
    r = r * (4 * third - (a * r) * (r * r));
    r = r * (4 * third - (a * r) * (r * r));
    double square = r * r, y = x * square;
    y = y + (x - y * y * y) * (square * third);
    return x < INFINITY ? y : x;
}

CPOOL_INLINE float cpool_pow_float(float x, double p) {
    float y = cpool_power_float(x, cpool_power_of(p));
    return p == p ? y : (x == 1 ? 1 : NAN);
}
CPOOL_INLINE double cpool_pow_double(double x, double p) {
    double y = cpool_power_double(x, cpool_power_of(p));
    return p == p ? y : (x == 1 ? 1 : NAN);
}

/* Rows, by the contract in moves.pxi: n elements, rounded up to whole blocks, for which y has room
   and x can be read. y and x do not overlap.

   Each is compiled for the vectors of its unit and for those of AVX-512, which take 0.5 to 0.75 of
   the time here (Emerald Rapids): multiplications and divisions are all there is. What kernels do
   elsewhere, loads, stores and shuffles, gains nothing by them. */

#if defined(__AVX2__) && defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#define CPOOL_AVX512 "avx512f,avx512bw,avx512dq,avx512vl"
#else
#define CPOOL_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"
#endif
static int cpool_has_avx512; /* whether these may run: see use_avx512 in elementary.pxi */
#define CPOOL_EACH_WIDTH(name, parameters, arguments, body) \
    __attribute__((noinline, target(CPOOL_AVX512))) static void name##_avx512 parameters { body; } \
    __attribute__((noinline)) static void name##_usual parameters { body; } \
    static inline void name parameters { \
        if (cpool_has_avx512) name##_avx512 arguments; \
        else name##_usual arguments; \
    }
static inline void cpool_use_avx512(int yes) { cpool_has_avx512 = yes; }
#else
#define CPOOL_EACH_WIDTH(name, parameters, arguments, body) static void name parameters { body; }
static inline void cpool_use_avx512(int yes) { (void)yes; }
#endif

#define CPOOL_ROW(type, wide, value) do { \
    for (ptrdiff_t i = 0; i < CPOOL_WHOLE(n, type); i++) { \
        const wide v = x[i]; \
        y[i] = (type)(value); \
    } \
} while (0)
#define CPOOL_ROW_OF(name, type, value) \
    CPOOL_EACH_WIDTH(name, (type *restrict y, const type *restrict x, ptrdiff_t n), (y, x, n), \
                     CPOOL_ROW(type, type, value))

CPOOL_ROW_OF(cpool_exps_float, float, cpool_exp_float(v))
CPOOL_ROW_OF(cpool_exps_double, double, cpool_exp_double(v))
CPOOL_ROW_OF(cpool_logs_float, float, cpool_log_float(v))
CPOOL_ROW_OF(cpool_logs_double, double, cpool_log_double(v))
CPOOL_ROW_OF(cpool_cube_roots_float, float, cpool_cube_root_float(v))
CPOOL_ROW_OF(cpool_cube_roots_double, double, cpool_cube_root_double(v))

/* exp(by * x) with the digits of floats near 1 too, and the sizes of x. The next rows have n
   elements, no more. */
CPOOL_EACH_WIDTH(cpool_exps_wide,
    (double *restrict y, const float *restrict x, float by, int32_t *greatest, uint32_t *smallest,
     ptrdiff_t n),
    (y, x, by, greatest, smallest, n),
    int32_t most = *greatest; uint32_t least = *smallest;
    for (ptrdiff_t i = 0; i < n; i++) {
        cpool_see_size(x[i], &most, &least);
        y[i] = cpool_exp_wide(x[i] * by);
    }
    *greatest = most;
    *smallest = least)

/* log(z) * by, in place. */
CPOOL_EACH_WIDTH(cpool_logs_wide, (double *restrict z, double by, ptrdiff_t n), (z, by, n),
    for (ptrdiff_t i = 0; i < n; i++) z[i] = (double)cpool_log_wide(z[i]) * by)

CPOOL_EACH_WIDTH(cpool_roots_narrow,
    (double *restrict y, const double *restrict x, double inverse, ptrdiff_t n), (y, x, inverse, n),
    for (ptrdiff_t i = 0; i < n; i++) y[i] = cpool_root_narrow(x[i], inverse))
CPOOL_EACH_WIDTH(cpool_roots_double,
    (double *restrict y, const double *restrict x, double k, ptrdiff_t n), (y, x, k, n),
    for (ptrdiff_t i = 0; i < n; i++) y[i] = cpool_root_double(x[i], k))

/* Each the k[i]-th. */
CPOOL_EACH_WIDTH(cpool_roots_of_narrow,
    (double *restrict y, const double *restrict x, const double *restrict k, ptrdiff_t n),
    (y, x, k, n),
    for (ptrdiff_t i = 0; i < n; i++) y[i] = cpool_root_narrow(x[i], 1 / k[i]))
CPOOL_EACH_WIDTH(cpool_roots_of_double,
    (double *restrict y, const double *restrict x, const double *restrict k, ptrdiff_t n),
    (y, x, k, n),
    for (ptrdiff_t i = 0; i < n; i++) y[i] = cpool_root_double(x[i], k[i]))

/* Whole blocks again. */
#define CPOOL_ANY_POWER(name, type) \
    CPOOL_EACH_WIDTH(name, \
        (type *restrict y, const type *restrict x, cpool_power power, ptrdiff_t n), \
        (y, x, power, n), CPOOL_ROW(type, type, cpool_power_##type(v, power)))
CPOOL_ANY_POWER(cpool_any_powers_float, float)
CPOOL_ANY_POWER(cpool_any_powers_double, double)

/* Small whole and half powers by multiplication and square root, in 0.2 to 1.2 ns.
   Floats go through doubles where there is more than one rounding, and err by 0.51 ulp at most as
   all their powers do; doubles err by at most 3.5 ulp (p = 3.5; 2.5 for 2.5 and 4, 1.5 for -0.5,
   1.5 and 3, 0.5 for the others). Where a product on the way over- or underflows, so does the
   result. Powers of x < 0 and of -0 are what the operations give: (-2)**3 is -8, -0**0.5 is -0. */
#define CPOOL_POWERS(type, root, one) \
    switch (fabs(p) <= 4 && 2 * p == (int)(2 * p) ? (int)(2 * p) : 9) { \
        case -2: CPOOL_ROW(type, type, one / v); return; \
        case -1: CPOOL_ROW(type, double, 1 / sqrt(v)); return; \
        case 0: CPOOL_ROW(type, type, ((void)v, one)); return; \
        case 1: CPOOL_ROW(type, type, root(v)); return; \
        case 2: CPOOL_ROW(type, type, v); return; \
        case 3: CPOOL_ROW(type, double, v * sqrt(v)); return; \
        case 4: CPOOL_ROW(type, type, v * v); return; \
        case 5: CPOOL_ROW(type, double, v * v * sqrt(v)); return; \
        case 6: CPOOL_ROW(type, double, v * v * v); return; \
        case 7: CPOOL_ROW(type, double, v * v * v * sqrt(v)); return; \
        case 8: CPOOL_ROW(type, double, (v * v) * (v * v)); return; \
    } \
    if (p == p) cpool_any_powers_##type(y, x, cpool_power_of(p), n); \
    else CPOOL_ROW(type, type, v == 1 ? one : (type)NAN)

static void cpool_powers_float(float *restrict y, const float *restrict x, double p, ptrdiff_t n) {
    CPOOL_POWERS(float, sqrtf, 1.0f);
}
static void cpool_powers_double(double *restrict y, const double *restrict x, double p,
                                ptrdiff_t n) {
    CPOOL_POWERS(double, sqrt, 1.0);
}
/* The powers 1 / k. */
static void cpool_inverse_powers_double(double *restrict y, const double *restrict x, double k,
                                        ptrdiff_t n) {
    double p = 1 / k, rest = fma(-p, k, 1);
    cpool_power power = cpool_power_of(p);
    if (rest == 0 || power.p != p) {
        cpool_powers_double(y, x, p, n);
        return;
    }
    power.more = rest / k;
    cpool_any_powers_double(y, x, power, n);
}
#endif
