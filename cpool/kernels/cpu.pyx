"""Which instruction sets the processor and the operating system offer."""

cdef extern from *:
    """
    /* All features that the flags of a build imply, not just the one that gave it its name:
       the x86-64 levels of the System V ABI. */
    static int cpool_level(void) {
    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
        __builtin_cpu_init();
        if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
              __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))) return 0;
        if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))) return 1;
        return 2;
    #else
        return 0;
    #endif
    }
    #if defined(__VERSION__)
    #define CPOOL_COMPILER __VERSION__
    #else
    #define CPOOL_COMPILER "unknown"
    #endif
    #if defined(__clang__)
    #define CPOOL_COMPILER_NAME "clang"
    #elif defined(__GNUC__)
    #define CPOOL_COMPILER_NAME "gcc"
    #else
    #define CPOOL_COMPILER_NAME "other"
    #endif
    """
    int cpool_level() nogil
    const char* CPOOL_COMPILER
    const char* CPOOL_COMPILER_NAME

cdef extern from "processor.h":
    int cpool_gains_by_wide_vectors() nogil

COMPILER = f"{CPOOL_COMPILER_NAME.decode()} {CPOOL_COMPILER.decode()}"


def level():
    """0: any processor of this kind; 1: with AVX2 (x86-64-v3); 2: with AVX-512 (x86-64-v4)."""
    return cpool_level()


def gains_by_wide_vectors():
    """Whether vectors of 512 bits, where the processor has them, are the faster ones."""
    return bool(cpool_gains_by_wide_vectors())
