/* What is faster on whose processor, as measured; no feature of theirs tells. What a processor can
   run is another question (cpu.pyx). */
#ifndef CPOOL_PROCESSOR_H
#define CPOOL_PROCESSOR_H

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define CPOOL_INTEL (__builtin_cpu_is("intel") != 0)
#define CPOOL_NO_AVX512 (!__builtin_cpu_supports("avx512f"))
#else
#define CPOOL_INTEL 0
#define CPOOL_NO_AVX512 0
#endif

/* Intel's caches beyond the second are far away: rows come in 0.6 to 0.85 of the time where their
   lines are asked for some KiB before they are read (Emerald Rapids). AMD's processors have them
   sooner where lines are read in order (Zen 3, Zen 4). */
static inline int cpool_asks_ahead(void) { return CPOOL_INTEL; }

/* Zen 3 and Emerald Rapids read two streams of memory side by side in 0.7 to 0.85 of the time that
   one after the other takes, Zen 4 in 1.15 to 1.3 of it. */
static inline int cpool_two_streams(void) { return CPOOL_INTEL || CPOOL_NO_AVX512; }

/* Vectors of 512 bits took 0.6 to 1.0 of the time of those of 256 on Emerald Rapids. Zen 4 has units
   of 256 bits, and loses in short rows. */
static inline int cpool_gains_by_wide_vectors(void) { return CPOOL_INTEL; }

#endif
