"""The only door to the kernels: any array and any windows become a plan, and the plan is run.

An array with pooled axes is seen as planes of D x H x W with a contiguous inner axis; missing axes
have length 1, all other axes number the planes. Whatever the strides, byte order and alignment of
an array, it is read where it is: the kernels gather what they cannot read directly, row by row.
"""

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from cpool.kernels.plan cimport *
from cpool.windows cimport Tables, Windows, boolean, fill_sizes, transpose

import numpy as np

import cpool.kernels
from cpool import threads

cnp.import_array()

include "kernels/windows.pxi"

cdef extern from *:
    """
    #ifdef _OPENMP
    #define CPOOL_OPENMP 1
    #else
    #define CPOOL_OPENMP 0
    #endif
    """
    const int CPOOL_OPENMP

# --- instruction sets ---------------------------------------------------------------------------

cdef Kernels* kernels = NULL
ISA = None


def use_instruction_set(name):
    """Run the kernels of one instruction set from now on; for tests and measurements."""
    global kernels, ISA
    capsule = cpool.kernels.load(name)
    kernels = <Kernels*> PyCapsule_GetPointer(capsule, "cpool.kernels")
    ISA = name


use_instruction_set(cpool.kernels.NAME)
OPENMP = bool(CPOOL_OPENMP)

# --- data types ---------------------------------------------------------------------------------

cdef int BFLOAT_NUM = -1        # NumPy's number for ml_dtypes.bfloat16, once it was seen

SIZES = (1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, 16)
cdef int[14] SIZE
for _i in range(14):
    SIZE[_i] = SIZES[_i]


cdef int[14] NUMPY_TYPE
for _i, _type in enumerate((
        cnp.NPY_BOOL, cnp.NPY_INT8, cnp.NPY_UINT8, cnp.NPY_INT16, cnp.NPY_UINT16, cnp.NPY_INT32,
        cnp.NPY_UINT32, cnp.NPY_INT64, cnp.NPY_UINT64, cnp.NPY_FLOAT16, -1, cnp.NPY_FLOAT,
        cnp.NPY_DOUBLE, -1)):
    NUMPY_TYPE[_i] = _type


cdef int type_code(cnp.dtype dtype, str name) except -1:
    """The code of a data type; anything that cannot be pooled is a TypeError."""
    global BFLOAT_NUM
    cdef int num = dtype.type_num
    if num == cnp.NPY_FLOAT:
        return FLOAT
    elif num == cnp.NPY_DOUBLE:
        return DOUBLE
    elif num == cnp.NPY_FLOAT16:
        return HALF
    elif num == cnp.NPY_BOOL:
        return BOOL
    elif num == BFLOAT_NUM:
        return BFLOAT
    elif dtype.kind == b"i"[0]:
        return INT8 if dtype.itemsize == 1 else INT16 if dtype.itemsize == 2 else (
            INT32 if dtype.itemsize == 4 else INT64)
    elif dtype.kind == b"u"[0]:
        return UINT8 if dtype.itemsize == 1 else UINT16 if dtype.itemsize == 2 else (
            UINT32 if dtype.itemsize == 4 else UINT64)
    elif dtype.name == "bfloat16":
        BFLOAT_NUM = num
        return BFLOAT
    raise TypeError(
        f"{name} must be of a real type (bool, int8 to uint64, float16, bfloat16, float32, "
        f"float64), got {dtype}")


cdef inline bint floating(int code) noexcept:
    return code == FLOAT or code == DOUBLE or code == HALF or code == BFLOAT


cdef inline bint unsigned(int code) noexcept:
    return code == UINT8 or code == UINT16 or code == UINT32 or code == UINT64 or code == BOOL


NATIVE = {
    BOOL: np.dtype(bool), INT8: np.dtype("i1"), UINT8: np.dtype("u1"), INT16: np.dtype("i2"),
    UINT16: np.dtype("u2"), INT32: np.dtype("i4"), UINT32: np.dtype("u4"), INT64: np.dtype("i8"),
    UINT64: np.dtype("u8"), HALF: np.dtype("f2"), FLOAT: np.dtype("f4"), DOUBLE: np.dtype("f8"),
}


cdef cnp.dtype native_dtype(int code):
    if code == BFLOAT:
        import ml_dtypes
        return np.dtype(ml_dtypes.bfloat16)
    return NATIVE[code]


def as_input(x, name="x"):
    """An array of a type that can be pooled; lists and scalars are converted."""
    refuse_masked(x, name)
    if not isinstance(x, np.ndarray):
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise ValueError(f"{name} must be an array or like one: {error}") from None
    type_code(x.dtype, name)
    return x


def refuse_masked(x, name):
    """A masked array is a TypeError: NumPy would drop its mask silently."""
    if isinstance(x, np.ma.MaskedArray):
        advice = "x.data and where=~numpy.ma.getmaskarray(x)" if name == "x" else "an ndarray"
        raise TypeError(f"{name} is a masked array, whose mask would be lost: pass {advice}")


def flag(value, name):
    """An argument that is True or False."""
    return boolean(value, name)


# --- axes ---------------------------------------------------------------------------------------

def pooled_axes(int ndim, Windows windows, axes, channels_last, int rank):
    """The pooled axes of an array, ascending, and for each the entry of the windows it has.

    rank: 1 to 3 for functions whose name says it; 0: as the windows or `axes` say.
    """
    cdef int count, last
    cdef bint channels = boolean(channels_last, "channels_last")
    if axes is not None:
        if channels:
            raise ValueError(f"channels_last and axes cannot both be given, got axes={axes!r}")
        return explicit_axes(ndim, windows, axes)
    count = rank or windows.entries
    last = ndim - (1 if channels else 0)
    if count == 0:
        count = last
        if not 1 <= count <= 3:
            raise ValueError(
                f"axes= must say which 1 to 3 axes are pooled: x has {ndim}, and the windows' "
                f"arguments are the same for any number")
    if last < count:
        raise ValueError(
            f"x must have at least {count + channels} "
            f"{'axis' if count + channels == 1 else 'axes'} to pool {count} of them"
            f"{' before the channels' if channels else ''}, got {ndim}")
    windows.check_axes(count)
    return tuple(range(last - count, last)), tuple(range(count))


def explicit_axes(int ndim, Windows windows, axes):
    given = (axes,) if isinstance(axes, (int, np.integer)) else axes
    if not isinstance(given, (tuple, list)):
        raise TypeError(f"axes must be an int or a tuple of ints, got {axes!r}")
    if not 1 <= len(given) <= 3:
        raise ValueError(f"axes must name 1 to 3 axes, got {axes!r}")
    found = []
    for axis in given:
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise TypeError(f"axes must be an int or a tuple of ints, got {axes!r}")
        if not -ndim <= axis < ndim:
            raise ValueError(
                f"axes must be from {-ndim} to {ndim - 1} for x of {ndim} axes, got {axes!r}")
        found.append(int(axis) % ndim)
    if len(set(found)) != len(found):
        raise ValueError(f"axes must not name an axis twice, got {axes!r}")
    windows.check_axes(<int> len(found))
    order = sorted(range(len(found)), key=found.__getitem__)
    return tuple([found[i] for i in order]), tuple(order)


# --- from arrays to a plan ------------------------------------------------------------------------

cdef struct Dim:
    # One axis of the plan in the making: its length and its stride in each array.
    Py_ssize_t n, x, y, q, q2, m


cdef class Call:
    """A plan together with the memory that it points into."""
    cdef Plan plan
    cdef Tables tables
    cdef int failures
    cdef Axis pooled[3]         # in the array's order
    cdef int count
    cdef int axes[3]

    def __cinit__(self):
        memset(&self.plan, 0, sizeof(Plan))
        self.tables = Tables()
        self.failures = 0

    cdef int windows_of(self, Windows windows, cnp.ndarray x, object axes, object channels_last,
                        int rank) except -1:
        """The windows of a call. What most calls are comes first, without Python objects."""
        cdef int i, last = cnp.PyArray_NDIM(x)
        if axes is None and rank > 0 and (channels_last is False or channels_last is True):
            last -= 1 if channels_last is True else 0
            if last >= rank:
                windows.check_axes(rank)
                self.count = rank
                for i in range(rank):
                    self.axes[i] = last - rank + i
                    windows.fill(&self.pooled[i], i, cnp.PyArray_DIM(x, self.axes[i]), self.tables)
                return 0
        found, order = pooled_axes(cnp.PyArray_NDIM(x), windows, axes, channels_last, rank)
        return self.windows_on(windows, found, order, (<object> x).shape)

    cdef int windows_on(self, Windows windows, tuple axes, tuple order, object shape) except -1:
        cdef int i
        self.count = <int> len(axes)
        for i in range(self.count):
            self.axes[i] = axes[i]
            windows.fill(&self.pooled[i], order[i], shape[axes[i]], self.tables)
        return 0

    cdef int mean_of(self, bint count_include_pad, object divisor, bint masked) except -1:
        cdef Plan* g = &self.plan
        cdef int i
        g.mean = True
        if divisor is not None:
            g.divisor = divisor
            if g.divisor == 0:
                raise ValueError("divisor_override must not be 0")
            return 0
        for i in range(self.count):
            fill_sizes(&self.pooled[i], count_include_pad, self.tables)
        return 0

    cdef int view(self, cnp.ndarray x, cnp.ndarray y, object q, object q2, object mask,
                  bint keep_order) except -1:
        """Arrays -> planes, D, H, W, inner. keep_order: the pooled axes stay in the array's order,
        because positions depend on it; otherwise rows run along memory."""
        cdef Plan* g = &self.plan
        cdef Dim dims[64]
        cdef Dim d
        cdef Axis none = identity_axis()
        cdef int i, j, k, count = 0, inner = -1, ndim = cnp.PyArray_NDIM(x)
        cdef bint is_pooled
        cdef Py_ssize_t least_pooled = LARGE, least_other = LARGE, size
        cdef Dim pooled[3]
        g.x = cnp.PyArray_BYTES(x)
        g.y = cnp.PyArray_BYTES(y)
        g.q = cnp.PyArray_BYTES(q) if q is not None else NULL
        g.q2 = cnp.PyArray_BYTES(q2) if q2 is not None else NULL
        g.mask = cnp.PyArray_BYTES(mask) if mask is not None else NULL
        g.x_end = g.x + g.x_size
        for i in range(ndim):
            d.n = cnp.PyArray_DIM(x, i)
            d.x = cnp.PyArray_STRIDE(x, i)
            d.y = cnp.PyArray_STRIDE(y, i)
            d.q = cnp.PyArray_STRIDE(q, i) if q is not None else 0
            d.q2 = cnp.PyArray_STRIDE(q2, i) if q2 is not None else 0
            d.m = cnp.PyArray_STRIDE(mask, i) if mask is not None else 0
            if d.x > 0:
                g.x_end += d.x * (d.n - 1)
            is_pooled = False
            for j in range(self.count):
                if self.axes[j] == i:
                    pooled[j] = d
                    is_pooled = True
                    if d.n > 1:
                        least_pooled = least(least_pooled, absolute(d.x))
            if not is_pooled and d.n > 1:
                dims[count] = d
                if absolute(d.x) < least_other:
                    least_other = absolute(d.x)
                    inner = count
                count += 1
        # Inner: the axis along which the input lies closest in memory, if no pooled one does.
        g.inner = 1
        for i in range(4):
            g.xs[i] = g.ys[i] = g.qs[i] = g.q2s[i] = g.ms[i] = 0
        if inner >= 0 and least_other <= least_pooled and least_other > 0:
            d = dims[inner]
            remove(dims, &count, inner)
            i = count - 1
            while i >= 0:
                if continues(&dims[i], &d):
                    d.n *= dims[i].n
                    remove(dims, &count, i)
                    i = count
                i -= 1
            g.inner = d.n
            g.xs[3], g.ys[3], g.qs[3], g.q2s[3], g.ms[3] = d.x, d.y, d.q, d.q2, d.m
        # The rest numbers the planes; neighbours that continue each other are one axis.
        g.outer_ndim = 0
        g.planes = 1
        i = 0
        while i < count:
            d = dims[i]
            while i + 1 < count and continues(&d, &dims[i + 1]):
                size = d.n
                d = dims[i + 1]
                d.n *= size
                i += 1
            i += 1
            k = g.outer_ndim
            g.outer[k], g.x_outer[k], g.y_outer[k] = d.n, d.x, d.y
            g.q_outer[k], g.q2_outer[k], g.m_outer[k] = d.q, d.q2, d.m
            g.planes *= d.n
            g.outer_ndim += 1
        # Pooled axes to slots: W is the last one, or H if an inner axis makes the rows.
        none.transposed = g.transposed
        for i in range(3):
            g.axis[i] = none
            g.plane_shape[i] = 1
        if not keep_order:
            sort_by_stride(pooled, self.pooled, self.count)
        k = 2 if self.count == 3 or g.inner == 1 else 1 if self.count == 1 else 2
        for j in range(self.count):
            i = k - self.count + 1 + j
            g.axis[i] = self.pooled[j]
            g.plane_shape[i] = self.pooled[j].m if g.transposed else self.pooled[j].n
            g.xs[i], g.ys[i], g.qs[i] = pooled[j].x, pooled[j].y, pooled[j].q
            g.q2s[i], g.ms[i] = pooled[j].q2, pooled[j].m
        return 0

    cdef int run(self, kernel_t kernel, double work) except -1:
        cdef Plan* g = &self.plan
        cdef int count = 1, memory = 0
        g.failures = &self.failures
        if g.items == 0:
            return 0
        if work > SMALL and g.items > 1:
            count = threads.current()
        if count <= 1:
            with nogil:
                memory = run_items(kernel, g, 0, g.items)
        else:
            memory = run_parallel(kernel, g, count)
        if memory != 0:
            raise MemoryError(f"no memory for {g.scratch} bytes of scratch for each thread")
        if self.failures != 0:
            self.explain()
        return 0

    cdef int explain(self) except -1:
        if self.failures & NAN_READ:
            raise ValueError('x has a NaN in a window, and nan_policy is "raise"')
        if self.failures & EMPTY_WINDOW:
            raise ValueError(
                f"where leaves a window without an element: dtype must be floating, got "
                f"{native_dtype(self.plan.y_type)}")
        if self.failures & NAN_TO_INTEGER:
            raise ValueError(
                f"dtype must be floating where the value of a window is NaN, got "
                f"{native_dtype(self.plan.y_type)}")
        raise ValueError("indices must be -1 or positions inside the result")


cdef Py_ssize_t LARGE = (<Py_ssize_t> 1 << 62)
cdef double SMALL = 65536       # elements moved by a call that is not worth a second thread


cdef inline Py_ssize_t absolute(Py_ssize_t a) noexcept nogil:
    return -a if a < 0 else a


cdef inline void remove(Dim* dims, int* count, int index) noexcept nogil:
    cdef int i
    count[0] -= 1
    for i in range(index, count[0]):
        dims[i] = dims[i + 1]


cdef inline bint continues(const Dim* a, const Dim* b) noexcept nogil:
    """Stepping along b to its end is one step along a, in every array."""
    return (a.x == b.x * b.n and a.y == b.y * b.n and a.q == b.q * b.n and a.q2 == b.q2 * b.n
            and a.m == b.m * b.n)


cdef void sort_by_stride(Dim* dims, Axis* axes, int count) noexcept:
    """Pooled axes in the order of memory, the closest last."""
    cdef int i, j
    for i in range(1, count):
        j = i
        while j > 0 and absolute(dims[j - 1].x) < absolute(dims[j].x):
            dims[j - 1], dims[j] = dims[j], dims[j - 1]
            axes[j - 1], axes[j] = axes[j], axes[j - 1]
            j -= 1


# --- tiles and scratch ----------------------------------------------------------------------------

cdef enum:
    ROW = 16384         # bytes of a row that a tile works on
    STRIP = 8192        # bytes of the rows of a tile that are folded where they are
    BOX = 49152         # bytes of rows that are loaded or folded before
    SLACK = 128         # bytes behind each row of scratch


cdef Py_ssize_t reading(const Axis* a, Py_ssize_t windows) noexcept:
    """The most source elements that so many neighbouring elements of the result read."""
    cdef Py_ssize_t o, first, stop, longest = 0
    if a.start == NULL and not a.transposed:
        return (windows - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    if a.start == NULL and a.source == NULL:
        return least(a.n, (windows - 1 + (a.kernel - 1) * a.dilation) // a.stride + 2)
    if a.start == NULL:
        return a.n
    o = 0
    while o < a.m:
        first = a.start[o]
        stop = a.start[least(o + windows, a.m) - 1] + a.count[least(o + windows, a.m) - 1]
        longest = most(longest, stop - first)
        o += windows
    return most(longest, 1)


cdef Py_ssize_t most_taps(const Axis* a, Py_ssize_t i) noexcept:
    """The longest run of one element of the result."""
    cdef Py_ssize_t images = 1, j
    if a.transposed and a.start != NULL:
        for j in range(a.m):
            images = most(images, a.count[j])
        return images
    if a.transposed and a.image0 != NULL:
        for j in range(a.m):
            images = most(images, a.image0[j + 1] - a.image0[j])
    return a.kernel * images


cdef int layout(Plan* g, bint selecting, bint scattering) except -1:
    """Sizes of tiles, and where each thread's scratch rows are."""
    cdef const Axis* h = &g.axis[1]
    cdef const Axis* w = &g.axis[2]
    cdef Py_ssize_t size = most(SIZE[g.t_type], 4), groups, line, budget, rows, taps, levels, at, i
    cdef Py_ssize_t wide, least_groups = reading(w, 1)
    cdef bint boxed
    cdef double estimate
    if <double> least_groups * size > <double> LARGE / 1024 or (
            <double> reading(h, 1) * least_groups * size > <double> LARGE / 1024):
        raise MemoryError("the windows are too large for this machine's memory")
    # Inner: all of it, unless even one window of it is too long a row.
    g.tile[2] = g.inner
    if <double> g.inner * least_groups * size > 4 * ROW:
        g.tile[2] = least(g.inner, most(64, 4 * ROW // (size * least_groups) // 64 * 64))
    if g.tile[2] < g.inner and w.n > 1:
        g.in_place = False          # a row of some channels is not in one piece
    # NaNs are counted in rows of their own, whatever is done to the values.
    boxed = not (g.in_place and g.axis[0].identity) or selecting or g.raise_nan
    # Along W: rows of about ROW bytes.
    g.tile[1] = w.m
    wide = w.m if g.transposed else reading(w, w.m)
    if <double> wide * g.tile[2] * size > 2 * ROW and w.source == NULL and not (
            scattering and not g.gathered):
        groups = ROW // (g.tile[2] * size)
        if g.transposed or w.start != NULL:
            g.tile[1] = most(1, groups if g.transposed else 1)
        else:
            g.tile[1] = most(1, (groups - least_groups) // w.stride + 1)
        if g.tile[1] > 64:
            g.tile[1] = g.tile[1] // 64 * 64
        g.tile[1] = least(g.tile[1], w.m)
    groups = reading(w, g.tile[1])
    if w.source != NULL:
        groups = most(groups, w.before + w.n if not w.transposed else w.n + w.reach)
    if w.transposed and w.start == NULL:
        # A line has room for windows before the first and after the last one.
        groups = most(groups, g.tile[1] // w.stride + 2) + (w.kernel - 1) * w.dilation // w.stride
    line = groups * g.tile[2]
    # Along H: strips, taller where rows at their border are prepared twice.
    budget = BOX if boxed or g.transposed else STRIP
    rows = most(1, budget // most(1, (w.m if g.transposed else line) * size))
    if g.transposed:
        g.tile[0] = most(rows, h.kernel)
    else:
        taps = reading(h, 1)
        g.tile[0] = most(1, (rows - taps) // h.stride + 1) if boxed else rows
        if boxed and h.start == NULL:
            g.tile[0] = most(g.tile[0], least(taps // h.stride, 4 * BOX // most(1, line * size)))
    if h.start != NULL:
        g.tile[0] = 1
    g.tile[0] = most(1, least(g.tile[0], h.m))
    g.items = g.planes * g.axis[0].m
    for i in range(3):
        g.tiles[i] = ((g.inner if i == 2 else g.axis[i + 1].m) + g.tile[i] - 1) // g.tile[i]
        g.items *= g.tiles[i]
    # Folds read whole blocks, taking rows apart reads two; selections as many elements as the
    # narrowest type has in a block.
    g.margin = 2 * kernels.block + (kernels.block * g.x_size if selecting else 0)
    # Scratch. Pitches in elements; a row of 64-byte blocks with slack behind it.
    wide = g.tile[1]
    if w.transposed and w.start == NULL and w.stride <= PHASES:
        wide = (wide // w.stride + 2) * w.stride
        if w.source != NULL:
            wide = (w.reach // w.stride + 2) * w.stride
    g.line = (line + SLACK + 63) // 64 * 64
    g.row = (wide * g.tile[2] + SLACK + 63) // 64 * 64
    if w.transposed:
        g.line = most(g.line, g.row)
    rows = least(reading(h, g.tile[0]), h.n if h.source == NULL else LARGE)
    taps = most(most_taps(&g.axis[0], 0), most(most_taps(h, 1), most_taps(w, 2)))
    levels = 2
    at = taps
    while at > LEAF:
        at = (at + 1) // 2
        levels += 1
    if g.gathered:
        rows = (g.tile[0] // h.stride + 2) + (h.kernel - 1) * h.dilation // h.stride
    estimate = (<double> (rows + g.tile[0] + levels + 12) * most(g.line, g.row)) * (size + 4)
    if estimate > 2.0 ** 46 or taps > (<Py_ssize_t> 1 << 40):
        raise MemoryError("the windows are too large for this machine's memory")
    at = 0
    g.box_at = place(&at, ((2 * rows if g.gathered else rows) if boxed else 0)
                     * most(g.line, g.row) * size)
    g.lines_at = place(&at, (rows if g.transposed else g.tile[0]) * most(g.line, g.row) * size)
    g.rows_at = place(&at, (rows * h.stride * w.stride if g.gathered else
                            most(rows, g.tile[0]) if g.transposed or selecting else 0)
                      * most(g.row, g.line) * size)
    g.phases_at = place(&at, most(least(w.stride, PHASES) * g.line * (size + 4), 3 * 1024 * 8))
    g.levels_at = place(&at, levels * g.line * size)
    g.result_at = place(&at, (1 if g.transposed or (selecting and not g.raise_nan) else g.tile[0])
                        * most(g.line, g.row) * size)
    g.counts_at = place(&at, g.tile[0] * g.row * 4)
    g.raw_at = place(&at, most(g.line, g.row) * 8)
    g.flags_at = place(&at, g.line * 9)
    g.wide_at = place(&at, g.row * 24)
    g.entries_at = place(&at, (g.axis[0].kernel + taps + 1) * 8)
    g.scratch = at
    return 0


cdef inline Py_ssize_t place(Py_ssize_t* at, Py_ssize_t size) noexcept:
    cdef Py_ssize_t here = at[0]
    at[0] += (size + SLACK + 63) // 64 * 64
    return here


# --- the only parallel region -------------------------------------------------------------------

cdef int run_items(kernel_t kernel, const Plan* g, Py_ssize_t lo, Py_ssize_t hi) noexcept nogil:
    cdef char* memory = <char*> malloc(g.scratch + 64)
    if memory == NULL:
        return 1
    kernel(g, lo, hi, memory + (64 - <size_t> memory % 64))
    free(memory)
    return 0


cdef int run_parallel(kernel_t kernel, const Plan* g, int count) except -1:
    """Items in blocks over threads. Tiles stand at absolute places and own what they write, so
    the result does not depend on who does which block."""
    cdef Py_ssize_t block, blocks = least(g.items, count * 8)
    cdef int memory = 0
    for block in prange(blocks, nogil=True, schedule="dynamic", num_threads=count):
        memory += run_items(kernel, g, g.items * block // blocks, g.items * (block + 1) // blocks)
    return memory


# --- calls ----------------------------------------------------------------------------------------

cdef object as_mask(object where, cnp.ndarray x):
    if where is None or where is True:
        return None
    refuse_masked(where, "where")
    mask = np.asarray(where)
    if mask.dtype != bool:
        raise TypeError(f"where must be an array of bool, got {mask.dtype}")
    try:
        return np.broadcast_to(mask, (<object> x).shape)
    except ValueError:
        raise ValueError(
            f"where must broadcast to x's shape {(<object> x).shape}, got {mask.shape}") from None


cdef cnp.ndarray empty(int ndim, cnp.npy_intp* shape, int code):
    if code == BFLOAT:
        return np.empty(tuple([shape[i] for i in range(ndim)]), native_dtype(code))
    return cnp.PyArray_EMPTY(ndim, shape, NUMPY_TYPE[code], 0)


cdef int offset_type(double taps, bint masked) noexcept:
    """The narrowest type for offsets in a window, and for none of them where that can be."""
    if taps <= (255 if masked else 256):
        return UINT8
    return UINT16 if taps <= (65535 if masked else 65536) else INT32


cdef cnp.ndarray output(object out, object shape, cnp.dtype dtype, tuple inputs, str name):
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"{name} must be an ndarray, got {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"{name} must have the result's shape {shape}, got {out.shape}")
    if out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"{name} must have the result's dtype {dtype}, got {out.dtype}")
    if not out.flags.writeable:
        raise ValueError(f"{name} must be writeable, got a read-only array")
    if any([n > 1 and step == 0 for n, step in zip(out.shape, out.strides, strict=True)]):
        raise ValueError(f"{name} must have memory for each value, got strides {out.strides}")
    for x in inputs:
        if x is not None and overlap(out, x):
            raise ValueError(
                f"{name} must not overlap the input, got an array that shares its memory")
    return out


def overlap(a, b):
    """Whether two arrays share memory; where that is too hard to tell, whether they may."""
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=10000)
    except np.exceptions.TooHardError:
        return True


cdef int result_code(int operation, bint mean, int x_code) except -1:
    if floating(x_code) or operation != ADD:
        return x_code
    if mean:
        return DOUBLE
    return UINT64 if unsigned(x_code) and x_code != BOOL else INT64


cdef int accumulator(int operation, bint mean, int x_code, int y_code, double taps) except -1:
    """The type in which a window is folded."""
    if operation != ADD:
        return UINT8 if x_code == BOOL else FLOAT if x_code == HALF or x_code == BFLOAT else x_code
    if x_code == DOUBLE or (floating(x_code) and y_code == DOUBLE):
        return DOUBLE
    if floating(x_code):
        return FLOAT
    if SIZE[x_code] <= 2 and taps * (128 << (8 * (SIZE[x_code] - 1))) * (
            2 if unsigned(x_code) else 1) < 2147483648.0:
        return INT32
    if SIZE[x_code] == 8 and (mean or y_code != x_code):
        return HUGE
    return UINT64


cdef bint readable(Plan* g, cnp.ndarray x) except -1:
    """Whether rows of x can be folded where they are."""
    cdef int i
    if g.x_swapped or not cnp.PyArray_ISALIGNED(x):
        return False
    if g.x_type != g.t_type and not (g.x_type == BOOL and g.t_type == UINT8) and not (
            g.x_type == INT64 and g.t_type == UINT64):
        return False
    for i in range(3):
        if g.xs[i] % g.x_size != 0:
            return False
    return ((g.inner == 1 or g.xs[3] == g.x_size) and
            (g.axis[2].n == 1 or g.xs[2] == g.inner * g.x_size))


cdef void types(Plan* g, cnp.ndarray x, int x_code, int t_code, int y_code) noexcept:
    g.x_type, g.t_type, g.y_type = x_code, t_code, y_code
    g.x_size, g.y_size = SIZE[x_code], SIZE[y_code]
    g.x_swapped = not cnp.PyArray_ISNOTSWAPPED(x)


def fold(x, int operation, Windows windows, axes=None, channels_last=False, int rank=0,
         nan_policy="propagate", where=None, dtype=None, out=None, bint mean=False,
         bint count_include_pad=True, divisor=None, bint positions=False, bint offsets=False):
    """Windows of x folded: y, or (y, int64 positions or None, offsets or None).

    operation: 0 max, 1 min, 2 add; mean: add, and divide by the windows' sizes.
    """
    cdef cnp.ndarray array, y
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef int x_code, y_code, natural, i
    cdef double taps = 1, elements = 1
    cdef bint selecting = positions or offsets
    cdef cnp.npy_intp shape[64]
    if not (type(x) is np.ndarray):
        x = as_input(x)
    array = x
    x_code = type_code(x.dtype, "x")
    y_code = result_code(operation, mean, x_code)
    if dtype is not None:
        y_code = type_code(as_dtype(dtype), "dtype")
    call.windows_of(windows, array, axes, channels_last, rank)
    for i in range(call.count):
        taps *= <double> call.pooled[i].kernel
    mask = as_mask(where, array) if where is not None else None
    if nan_policy != "propagate":
        if not isinstance(nan_policy, str):
            raise TypeError(
                f'nan_policy must be "propagate", "omit" or "raise", got {nan_policy!r}')
        if nan_policy == "omit":
            g.omit_nan = floating(x_code)
        elif nan_policy == "raise":
            g.raise_nan = floating(x_code)
        else:
            raise ValueError(
                f'nan_policy must be "propagate", "omit" or "raise", got {nan_policy!r}')
    if (selecting or mask is not None or nan_policy != "propagate") and taps >= 2147483647.0:
        raise ValueError(
            f"kernel_size must have less than 2**31 elements with return_indices, where or "
            f"nan_policy, got {taps:.0f}")
    if mean:
        call.mean_of(count_include_pad, divisor, mask is not None or g.omit_nan)
    types(g, array, x_code, accumulator(operation, mean, x_code, y_code, taps), y_code)
    for i in range(cnp.PyArray_NDIM(array)):
        shape[i] = cnp.PyArray_DIM(array, i)
        elements *= <double> shape[i]
    for i in range(call.count):
        shape[call.axes[i]] = call.pooled[i].m
    y = empty(cnp.PyArray_NDIM(array), shape, y_code) if out is None else output(
        out, tuple([shape[i] for i in range(cnp.PyArray_NDIM(array))]), native_dtype(y_code),
        (x, mask), "out")
    q2 = empty(cnp.PyArray_NDIM(array), shape, INT64) if positions else None
    q = None
    g.no_offset = -1
    if offsets:
        g.q_type = offset_type(taps, mask is not None or g.omit_nan)
        g.q_size = SIZE[g.q_type]
        q = empty(cnp.PyArray_NDIM(array), shape, g.q_type)
    call.view(array, y, q, q2, mask, selecting)
    if not selecting:
        merge_whole(g)
        rows_from_planes(g)
    natural = g.t_type
    if operation == ADD and not floating(x_code):
        natural = result_code(operation, mean, x_code) if g.t_type == UINT64 else -1
    elif x_code == BOOL:
        natural = BOOL
    g.y_plain = not mean and y_code == natural and (
        operation == ADD or (mask is None and not g.omit_nan))
    g.in_place = readable(g, array) and mask is None and not g.omit_nan
    if cnp.PyArray_SIZE(y) == 0:
        g.items = 0
    else:
        layout(g, selecting, False)
    call.run(kernels.select[operation] if selecting else kernels.fold[operation],
             elements + cnp.PyArray_SIZE(y))
    if selecting:
        return y, q2, q
    return y


cdef void merge_whole(Plan* g) noexcept:
    """One window over two axes that continue each other in memory is a window over one."""
    cdef Axis* a
    cdef Axis* b
    cdef int i, j
    for j in range(2):
        i = 2 - j                   # H into W, then D into H
        a, b = &g.axis[i - 1], &g.axis[i]
        if (a.m == 1 and b.m == 1 and a.start != NULL and b.start != NULL
                and g.xs[i - 1] == b.n * g.xs[i] and g.ms[i - 1] == b.n * g.ms[i]):
            (<Py_ssize_t*> b.count)[0] = a.n * b.n
            b.n *= a.n
            b.kernel = b.reach = b.n
            b.size0 *= a.size0
            b.exist0 *= a.exist0
            a[0] = identity_axis()
    if is_single(&g.axis[1]) and g.axis[0].start != NULL and g.axis[0].m == 1:
        swap_slots(g, 0, 1)
        merge_whole(g)
    if g.inner > 1 and is_single(&g.axis[1]):
        swap_slots(g, 1, 2)         # the inner axis alone makes the rows


cdef inline bint is_single(const Axis* a) noexcept:
    return a.identity and a.n == 1


cdef void swap_slots(Plan* g, int i, int j) noexcept:
    g.axis[i], g.axis[j] = g.axis[j], g.axis[i]
    g.xs[i], g.xs[j] = g.xs[j], g.xs[i]
    g.ys[i], g.ys[j] = g.ys[j], g.ys[i]
    g.ms[i], g.ms[j] = g.ms[j], g.ms[i]


cdef void rows_from_planes(Plan* g) noexcept:
    """Where only one axis is folded, along the row, planes are single rows: those along the last
    outer axis become the rows of one plane, so that a tile has many."""
    cdef Axis* h = &g.axis[1]
    cdef int last = g.outer_ndim - 1
    if last < 0 or not (is_single(h) and is_single(&g.axis[0])):
        return
    h.n = h.m = h.reach = g.outer[last]
    g.xs[1], g.ys[1], g.ms[1] = g.x_outer[last], g.y_outer[last], g.m_outer[last]
    g.qs[1] = g.q_outer[last]
    g.planes //= h.n
    g.outer_ndim = last


cdef Axis identity_axis() noexcept:
    cdef Axis a
    memset(&a, 0, sizeof(Axis))
    a.n = a.m = a.kernel = a.stride = a.dilation = a.reach = 1
    a.size0 = a.exist0 = 1
    a.identity = True
    return a


def as_dtype(dtype):
    try:
        result = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"dtype must be a data type, got {dtype!r}") from None
    return result.newbyteorder("=")


def checked_gradient(gy, shape):
    """gy as an array of the right shape."""
    gy = as_input(gy, "gy")
    if gy.shape != shape:
        raise ValueError(f"gy must have the result's shape {shape}, got {gy.shape}")
    return gy


def gradient_input(gy, shape, t_code_double):
    """gy as an array of float16 to float64 of the right shape."""
    gy = checked_gradient(gy, shape)
    if gy.dtype.kind in "biu" or (gy.dtype == np.float64 and not t_code_double):
        gy = gy.astype(np.float64 if t_code_double else np.float32)
    return gy


def spread(gy, Windows windows, tuple axes, tuple order, tuple shape, dtype, bint mean=False,
           bint count_include_pad=True, divisor=None):
    """The transpose of a sum (or a mean) over windows: each element gets what its windows got."""
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef cnp.ndarray array, gx
    call.windows_on(windows, axes, order, shape)
    expected = list(shape)
    for i in range(call.count):
        expected[call.axes[i]] = call.pooled[i].m
    gy = gradient_input(gy, tuple(expected), code == DOUBLE)
    array = gy
    if mean:
        call.mean_of(count_include_pad, divisor, False)
    for i in range(call.count):
        transpose(&call.pooled[i], call.tables)
    g.transposed = True
    types(g, array, type_code(gy.dtype, "gy"), DOUBLE if code == DOUBLE else FLOAT, code)
    gx = np.empty(shape, dtype)
    call.view(array, gx, None, None, None, False)
    rows_from_planes(g)
    g.y_plain = g.t_type == code
    g.in_place = readable(g, array) and not mean
    if cnp.PyArray_SIZE(gx) > 0:
        layout(g, False, False)
    call.run(kernels.fold[<int> ADD], <double> cnp.PyArray_SIZE(gx) + cnp.PyArray_SIZE(array))
    return gx


cdef bint is_gathered(const Plan* g) noexcept:
    """Windows for which the transposed selection goes tap by tap: regular, constant padding, so
    few elements that comparing an offset with each costs less than following it."""
    cdef int i
    cdef double elements = 1
    for i in range(3):
        elements *= <double> g.axis[i].kernel
        if (g.axis[i].start != NULL or g.axis[i].source != NULL or g.axis[i].stride > PHASES
                or g.axis[i].dilation > PHASES):
            return False
    return elements <= 36


def scatter(gy, cnp.ndarray offsets, Windows windows, tuple axes, tuple order, tuple shape, dtype,
            bint masked=False):
    """The transpose of a selection: each window's gradient goes to the element it selected."""
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef int i, code = type_code(np.dtype(dtype), "dtype")
    cdef cnp.ndarray array, gx
    gy = gradient_input(gy, (<object> offsets).shape, code == DOUBLE)
    array = gy
    call.windows_on(windows, axes, order, shape)
    for i in range(call.count):
        transpose(&call.pooled[i], call.tables)
    g.transposed = True
    types(g, array, type_code(gy.dtype, "gy"), DOUBLE if code == DOUBLE else FLOAT, code)
    g.q_size = <int> (<object> offsets).itemsize
    g.q_type = UINT8 if g.q_size == 1 else UINT16 if g.q_size == 2 else INT32
    g.no_offset = -1
    if masked:
        g.no_offset = 255 if g.q_size == 1 else 65535 if g.q_size == 2 else -1
    gx = np.empty(shape, dtype)
    call.view(array, gx, offsets, None, None, True)
    rows_from_planes(g)
    g.y_plain = g.t_type == code
    g.in_place = False
    g.gathered = is_gathered(g)
    if cnp.PyArray_SIZE(gx) > 0:
        layout(g, False, True)
    call.run(kernels.scatter, <double> cnp.PyArray_SIZE(gx) + cnp.PyArray_SIZE(array))
    return gx


def unpool(cnp.ndarray x, cnp.ndarray indices, Py_ssize_t elements, bint transposed=False):
    """Contiguous planes x[..., n] to y[..., elements] by int64 positions, or the transpose: planes
    x[..., n] to y of indices' shape."""
    cdef Call call = Call()
    cdef Plan* g = &call.plan
    cdef tuple shape = (<object> x).shape
    cdef cnp.ndarray y
    if transposed:
        y = np.zeros((<object> indices).shape, (<object> x).dtype)
    else:
        y = np.zeros(shape[:len(shape) - 1] + (elements,), (<object> x).dtype)
    g.x, g.y, g.q2 = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(y), cnp.PyArray_BYTES(indices)
    g.x_size = <int> (<object> x).dtype.itemsize
    g.axis[2].n = shape[len(shape) - 1]
    g.axis[2].m = (<object> y).shape[len(shape) - 1]
    g.items = cnp.PyArray_SIZE(x) // g.axis[2].n if g.axis[2].n > 0 else 0
    g.scratch = g.axis[2].n * 8 if transposed else 64
    try:
        call.run(kernels.unpool_transposed if transposed else kernels.unpool,
                 <double> cnp.PyArray_SIZE(x) + cnp.PyArray_SIZE(y))
    except ValueError:
        wrong = (<object> indices)[np.less(indices, -1) | np.greater_equal(indices, elements)]
        raise ValueError(
            f"indices must be -1 or positions inside the result, 0 to {elements - 1}, "
            f"got {wrong[0]}") from None
    return y


def table_of_axes(Windows windows, tuple axes, tuple order, tuple shape):
    """Lengths of the result along the pooled axes."""
    cdef Call call = Call()
    call.windows_on(windows, axes, order, shape)
    return tuple([call.pooled[i].m for i in range(call.count)])


def global_axes(int ndim, axes, channels_last):
    """The axes that global pooling pools."""
    cdef bint channels = boolean(channels_last, "channels_last")
    if axes is not None:
        if channels:
            raise ValueError(f"channels_last and axes cannot both be given, got axes={axes!r}")
        return axes
    if not 3 <= ndim <= 5:
        raise ValueError(
            f"axes= must say which 1 to 3 axes are pooled: x has {ndim}, of which all but "
            f"{'the first and the last' if channels else 'the first two'} would be")
    return tuple(range(1, ndim - 1)) if channels else tuple(range(2, ndim))


def with_axes(out, axes):
    """A view of `out` with axes of length 1 where pooled ones were dropped."""
    if out is None:
        return None
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
    return np.expand_dims(out, axes)
