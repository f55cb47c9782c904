from cpool.kernels.plan cimport Kernels, Plan, kernel_t


cdef Kernels kernels

cdef int run(kernel_t kernel, Plan* g, double work) except -1
