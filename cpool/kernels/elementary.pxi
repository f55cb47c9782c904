# exp, log and pow of single numbers, vectorised in loops over them, and of rows. What is computed,
# how exactly and how fast, is said in elementary.h.

cdef extern from "elementary.h":
    float exp_float "cpool_exp_float"(float x) noexcept nogil
    double exp_double "cpool_exp_double"(double x) noexcept nogil
    float log_float "cpool_log_float"(float x) noexcept nogil
    double log_double "cpool_log_double"(double x) noexcept nogil
    float pow_float "cpool_pow_float"(float x, double p) noexcept nogil
    double pow_double "cpool_pow_double"(double x, double p) noexcept nogil

    # Where p is the same for a whole loop: power_of(p) before it. p is no NaN.
    ctypedef struct Power "cpool_power":
        pass
    Power power_of "cpool_power_of"(double p) noexcept nogil
    float power_float "cpool_power_float"(float x, Power power) noexcept nogil
    double power_double "cpool_power_double"(double x, Power power) noexcept nogil

    uint32_t float_bits "cpool_float_bits"(float x) noexcept nogil
    void see_size "cpool_see_size"(float x, int32_t* greatest, uint32_t* smallest) noexcept nogil

    # Where |x| <= 87 or 700: the same bits in less time.
    float exp_moderate_float "cpool_exp_moderate_float"(float x) noexcept nogil
    double exp_moderate_double "cpool_exp_moderate_double"(double x) noexcept nogil

    void exps_float "cpool_exps_float"(float* y, const float* x, Py_ssize_t n) noexcept nogil
    void exps_double "cpool_exps_double"(double* y, const double* x, Py_ssize_t n) noexcept nogil
    void logs_float "cpool_logs_float"(float* y, const float* x, Py_ssize_t n) noexcept nogil
    void logs_double "cpool_logs_double"(double* y, const double* x, Py_ssize_t n) noexcept nogil
    void powers_float "cpool_powers_float"(float* y, const float* x, double p,
                                           Py_ssize_t n) noexcept nogil
    void powers_double "cpool_powers_double"(double* y, const double* x, double p,
                                             Py_ssize_t n) noexcept nogil
    void inverse_powers_double "cpool_inverse_powers_double"(double* y, const double* x, double k,
                                                             Py_ssize_t n) noexcept nogil
    void cube_roots_float "cpool_cube_roots_float"(float* y, const float* x,
                                                   Py_ssize_t n) noexcept nogil
    void cube_roots_double "cpool_cube_roots_double"(double* y, const double* x,
                                                     Py_ssize_t n) noexcept nogil
    void exps_with_sizes "cpool_exps_wide"(double* y, const float* x, float by, int32_t* greatest,
                                           uint32_t* smallest, Py_ssize_t n) noexcept nogil
    void logs_wide "cpool_logs_wide"(double* z, double by, Py_ssize_t n) noexcept nogil
    # Of normal, finite numbers, or 0; narrow: with the digits of floats.
    void roots_narrow "cpool_roots_narrow"(double* y, const double* x, double inverse_of_k,
                                           Py_ssize_t n) noexcept nogil
    void roots_double "cpool_roots_double"(double* y, const double* x, double k,
                                           Py_ssize_t n) noexcept nogil
    void roots_of_narrow "cpool_roots_of_narrow"(double* y, const double* x, const double* k,
                                                 Py_ssize_t n) noexcept nogil
    void roots_of_double "cpool_roots_of_double"(double* y, const double* x, const double* k,
                                                 Py_ssize_t n) noexcept nogil

    # Whether rows may use AVX-512, from now on.
    void use_avx512 "cpool_use_avx512"(bint yes) noexcept nogil

ctypedef fused Real:
    float
    double

# Rows of n elements, rounded up to whole blocks: y has slack for a block, x can be read up to the
# next whole block, and they do not overlap.


cdef void exps(Real* y, const Real* x, Py_ssize_t n) noexcept nogil:
    """Floats: 0.65 ns an element (AVX2; 1.3 SSE2), 1 ulp; doubles: 1.7 ns (3.7), 1.5 ulp."""
    if Real is float:
        exps_float(y, x, n)
    else:
        exps_double(y, x, n)


cdef void logs(Real* y, const Real* x, Py_ssize_t n) noexcept nogil:
    """Floats: 0.9 ns an element (AVX2; 2.2 SSE2), 1 ulp; doubles: 2.0 ns (5.0), 1.5 ulp."""
    if Real is float:
        logs_float(y, x, n)
    else:
        logs_double(y, x, n)


cdef void powers(Real* y, const Real* x, double p, Py_ssize_t n) noexcept nogil:
    """x >= 0. Floats: 2.9 ns an element (AVX2; 5.8 SSE2), 0.51 ulp; doubles: 8.4 ns (19), 2 ulp.

    Whole and half p from -1 to 4 by multiplication and square root: 0.2 to 0.5 ns, with a root 0.3
    to 1.2 (SSE2 up to twice that); 0.51 ulp, doubles 3.5 ulp."""
    if Real is float:
        powers_float(y, x, p, n)
    else:
        powers_double(y, x, p, n)


cdef void inverse_powers(Real* y, const Real* x, double k, Py_ssize_t n) noexcept nogil:
    """Powers 1 / k, which is no double, with the same errors."""
    if Real is float:
        powers_float(y, x, 1 / k, n)
    else:
        inverse_powers_double(y, x, k, n)


cdef void cube_roots(Real* y, const Real* x, Py_ssize_t n) noexcept nogil:
    """x >= 0. Floats: 1.0 ns an element (AVX2; 1.8 SSE2), 0.51 ulp; doubles: 1.6 ns (3.5), 1.5."""
    if Real is float:
        cube_roots_float(y, x, n)
    else:
        cube_roots_double(y, x, n)


cdef inline Real exp_moderate(Real x) noexcept nogil:
    if Real is float:
        return exp_moderate_float(x)
    else:
        return exp_moderate_double(x)
