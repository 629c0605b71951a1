// 200,000 values of each of 14 functions of libm, as bytes on standard output: see libraries.sh.
#include <math.h>
#include <stdint.h>
#include <stdio.h>

// xorshift64 (Marsaglia 2003)
static uint64_t state = 88172645463325252u;

static double uniform(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) * (1.0 / 9007199254740992.0);
}

#define VALUES(low, high, value) \
    for (int i = 0; i < 200000; i++) { \
        volatile double x = (low) + ((high) - (low)) * uniform(); \
        double y = (value); \
        fwrite(&y, sizeof y, 1, stdout); \
    }

int main(void) {
    VALUES(0, 100, sin(x)) VALUES(0, 100, cos(x)) VALUES(0, 100, tan(x)) VALUES(-30, 30, exp(x)) VALUES(-3, 3, expm1(x))
    VALUES(0, 10, log(x)) VALUES(-0.9, 10, log1p(x)) VALUES(-3, 3, tanh(x)) VALUES(-3, 3, sinh(x)) VALUES(-5, 5, atan(x))
    VALUES(-1, 1, asin(x)) VALUES(0, 10, pow(x, 1.7)) VALUES(0.5, 20, tgamma(x)) VALUES(0, 10, cbrt(x))
    return 0;
}
