"""One view of memory: any array is planes of D x H x W with a contiguous inner axis.

The pooled axes are D, H and W, or fewer; `inner` are the axes along which the array lies closest in
memory, where these are not pooled (channels last); all others number the planes. Nothing is moved:
a view is lengths and strides.
"""

cimport numpy as cnp
from libc.string cimport memset

from cpool.kernels.plan cimport *

cnp.import_array()

cdef Py_ssize_t LARGE = (<Py_ssize_t> 1 << 62)

cdef enum:
    GROUP = 16          # planes that are copied together, at most
    FEWEST = 4          # ... or not at all
    COPIES = 524288     # bytes of them
    VECTOR = 64         # bytes of a vector
    FEW_BYTES = 1024    # of a row of few channels

cdef Axis SINGLE                # an axis of one element, which is its own window
memset(&SINGLE, 0, sizeof(Axis))
SINGLE.n = SINGLE.m = SINGLE.kernel = SINGLE.stride = SINGLE.dilation = SINGLE.reach = 1
SINGLE.size0 = SINGLE.exist0 = 1
SINGLE.identity = True


cdef struct Dim:
    # An axis: its length, and its stride in each array.
    Py_ssize_t n, x, y, q, q2, m, g


cdef int view(Plan* g, Pooled* pooled, cnp.ndarray x, cnp.ndarray y, object q, object q2,
              object mask, bint keep_order, object gradient=None) except -1:
    """The arrays of a call as planes. keep_order: the pooled axes stay in the array's order,
    because positions depend on it; otherwise rows run along memory. Where slopes are added to a
    gradient of x's shape, planes stay apart: each has one owner."""
    cdef Dim dims[64]
    cdef Dim along[3]
    cdef int i, j, count = 0
    cdef bint is_pooled, single
    g.x = cnp.PyArray_BYTES(x)
    g.y = cnp.PyArray_BYTES(y)
    g.q = cnp.PyArray_BYTES(q) if q is not None else NULL
    g.q2 = cnp.PyArray_BYTES(q2) if q2 is not None else NULL
    g.mask = cnp.PyArray_BYTES(mask) if mask is not None else NULL
    g.gx = cnp.PyArray_BYTES(gradient) if gradient is not None else NULL
    g.x_end = g.x + g.x_size
    for i in range(cnp.PyArray_NDIM(x)):
        dims[count].n = cnp.PyArray_DIM(x, i)
        dims[count].x = cnp.PyArray_STRIDE(x, i)
        dims[count].y = cnp.PyArray_STRIDE(y, i)
        dims[count].q = cnp.PyArray_STRIDE(q, i) if q is not None else 0
        dims[count].q2 = cnp.PyArray_STRIDE(q2, i) if q2 is not None else 0
        dims[count].m = cnp.PyArray_STRIDE(mask, i) if mask is not None else 0
        dims[count].g = cnp.PyArray_STRIDE(gradient, i) if gradient is not None else 0
        if dims[count].x > 0:
            g.x_end += dims[count].x * (dims[count].n - 1)
        is_pooled = False
        for j in range(pooled.count):
            if pooled.axes[j] == i:
                along[j] = dims[count]
                is_pooled = True
        if not is_pooled and dims[count].n != 1:
            count += 1
    g.constant = not keep_order and is_constant(g, pooled)
    single = g.transposed
    for j in range(pooled.count):
        single = single and along[j].n == 1
    for j in range(pooled.count if single else 0):
        along[j].x = along[j].y     # an axis of one window has no stride of its own
    if are_drawn(pooled):
        g.inner = 1
        number_planes(g, dims, count)
        fill_slots(g, pooled, along, keep_order)
        g.apart, g.apart_ndim = g.planes, g.outer_ndim
        g.planes, g.outer_ndim = 1, 0
        return 0
    take_inner(g, along, pooled.count, dims, &count, single)
    number_planes(g, dims, count)
    fill_slots(g, pooled, along, keep_order)
    if not keep_order and not g.transposed:
        merge_whole(g)
    if g.gx != NULL:
        return 0
    if g.q2 == NULL and not g.transposed and not loads_planes(g, x):
        merge_tiling(g)
    if g.constant:
        merge_constant(g)
    elif g.transposed:
        merge_spanned(g, q is not None)
    if g.q2 == NULL:
        rows_from_planes(g)
    return 0


cdef bint are_drawn(const Pooled* pooled) noexcept:
    """Whether planes differ in their windows: then the view is one of a plane."""
    cdef int i
    for i in range(pooled.count):
        if pooled.windows[i].drawn != NULL:
            return True
    return False


cdef void bring_together(Plan* g) noexcept:
    """Planes of a view of one, if they lie side by side, are copied some at a time: an element of
    a plane has only others of other planes beside it. Then the view is that of a copy."""
    cdef int i, last = g.apart_ndim - 1
    cdef Py_ssize_t near = LARGE, size
    if g.apart == 0 or last < 0:
        return
    for i in range(3):
        if g.axis[i].n > 1:
            near = min(near, absolute(g.xs[i]))
    if absolute(g.x_outer[last]) >= near:
        return
    size = set_moved(g, &g.moved_x, g.xs, g.x_size, False)
    size += set_moved(g, &g.moved_y, g.ys, g.y_size, True)
    if g.mask != NULL:
        size += set_moved(g, &g.moved_mask, g.ms, 1, False)
    if g.q != NULL:
        size += set_moved(g, &g.moved_q, g.qs, g.q_size, not g.transposed)
    if g.q2 != NULL:
        size += set_moved(g, &g.moved_q2, g.q2s, 8, True)
    g.group = min(GROUP, min(g.outer[last], COPIES // size))
    if g.group < FEWEST:
        g.group = 0
        return
    lie_together(&g.moved_x, g.xs)
    lie_together(&g.moved_y, g.ys)
    lie_together(&g.moved_mask, g.ms)
    lie_together(&g.moved_q, g.qs)
    lie_together(&g.moved_q2, g.q2s)


cdef Py_ssize_t set_moved(const Plan* g, Moved* a, const Py_ssize_t* strides, int size,
                          bint results) noexcept:
    """An array with an element for each of the source, or of the result; bytes of a plane."""
    cdef int i
    cdef double bytes = size
    a.size = size
    for i in range(3):
        a.strides[i] = strides[i]
        a.n[i] = g.axis[i].m if results else g.axis[i].n
        bytes *= <double> a.n[i]
    # Not a power of 2, so that the planes of a group are at different places of the cache.
    a.pitch = (<Py_ssize_t> min(bytes, 1e15) + 63) // 64 * 64
    a.pitch += 64 if a.pitch % 128 == 0 else 0
    return a.pitch


cdef void lie_together(const Moved* a, Py_ssize_t* strides) noexcept:
    """The strides of a copy."""
    strides[2] = a.size
    strides[1] = a.n[2] * a.size
    strides[0] = a.n[1] * a.n[2] * a.size


cdef void take_inner(Plan* g, const Dim* along, int pooled, Dim* dims, int* count,
                     bint single) noexcept:
    """The axis along which the input (or the result, if planes of the input are single elements)
    lies closest in memory, if no pooled one does, with those that continue it, becomes the inner
    one."""
    cdef Py_ssize_t least_pooled = LARGE, least_other = LARGE, near
    cdef int i, inner = -1
    cdef Dim d
    g.inner = 1
    for i in range(pooled):
        if (along[i].n > 1 or single) and absolute(along[i].x) < least_pooled:
            least_pooled = absolute(along[i].x)
    for i in range(count[0]):
        near = absolute(dims[i].y if single else dims[i].x)
        if near < least_other:
            least_other = near
            inner = i
    if inner < 0 or least_other > least_pooled or least_other == 0:
        return
    d = dims[inner]
    remove(dims, count, inner)
    i = count[0] - 1
    while i >= 0:
        if continues(&dims[i], &d):
            d.n *= dims[i].n
            remove(dims, count, i)
            i = count[0]
        i -= 1
    g.inner = d.n
    g.xs[3], g.ys[3], g.qs[3], g.q2s[3], g.ms[3] = d.x, d.y, d.q, d.q2, d.m
    g.gs[3] = d.g


cdef void number_planes(Plan* g, const Dim* dims, int count) noexcept:
    """All other axes; neighbours that continue each other are one."""
    cdef int i = 0, k
    cdef Py_ssize_t size
    cdef Dim d
    g.outer_ndim = 0
    g.planes = 1
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
        g.q_outer[k], g.q2_outer[k], g.m_outer[k], g.g_outer[k] = d.q, d.q2, d.m, d.g
        g.planes *= d.n
        g.outer_ndim += 1


cdef void fill_slots(Plan* g, Pooled* pooled, Dim* along, bint keep_order) noexcept:
    """Pooled axes to D, H, W: the last one is W, or H where the inner axis alone makes the rows."""
    cdef int i, j, last = 1 if pooled.count == 1 and g.inner > 1 else 2
    for i in range(3):
        g.plane_shape[i] = 1
        if not last - pooled.count < i <= last:
            g.axis[i] = SINGLE
            g.axis[i].transposed = g.transposed
    if not keep_order:
        sort_by_stride(along, pooled.windows, pooled.count)
    for j in range(pooled.count):
        i = last - pooled.count + 1 + j
        g.axis[i] = pooled.windows[j]
        g.plane_shape[i] = g.axis[i].m if g.transposed else g.axis[i].n
        g.xs[i], g.ys[i], g.qs[i] = along[j].x, along[j].y, along[j].q
        g.q2s[i], g.ms[i], g.gs[i] = along[j].q2, along[j].m, along[j].g


cdef void merge_whole(Plan* g) noexcept:
    """One window over two axes that continue each other in memory is a window over one."""
    cdef Axis* a
    cdef Axis* b
    cdef int i, j
    for j in range(2):
        i = 2 - j                   # H into W, then D into H
        a, b = &g.axis[i - 1], &g.axis[i]
        if (is_over_all(a) and is_over_all(b)
                and g.xs[i - 1] == b.n * g.xs[i] and g.ms[i - 1] == b.n * g.ms[i]
                and g.gs[i - 1] == b.n * g.gs[i]):
            (<Py_ssize_t*> b.count)[0] = a.n * b.n
            b.n *= a.n
            b.kernel = b.reach = b.n
            b.size0 *= a.size0
            b.exist0 *= a.exist0
            a[0] = SINGLE
    if is_single(&g.axis[1]) and g.axis[0].start != NULL and g.axis[0].m == 1:
        swap_slots(g, 0, 1)
        merge_whole(g)
    if g.inner > 1 and is_single(&g.axis[1]):
        swap_slots(g, 1, 2)         # the inner axis alone makes the rows
    if g.inner > 1 and is_single(&g.axis[2]):
        split_few(g)


cdef void split_few(Plan* g) noexcept:
    """One window over a column of few channels, which alone would fill no vector: rows of as many
    elements as divide it."""
    cdef Axis* h = &g.axis[1]
    cdef Axis* w = &g.axis[2]
    cdef Py_ssize_t size = g.inner * g.x_size, part = min(h.n // 4, FEW_BYTES // size)
    while part > 1 and h.n % part != 0:
        part -= 1
    if not is_over_all(h) or size >= 2 * VECTOR or part * size < VECTOR:
        return
    h.n //= part
    (<Py_ssize_t*> h.count)[0] = h.kernel = h.reach = h.n
    h.size0 /= part
    h.exist0 /= part
    w.identity = False
    w.n = w.kernel = w.stride = w.reach = part
    w.size0 = w.exist0 = part
    g.xs[2], g.ms[2], g.gs[2] = g.xs[1], g.ms[1], g.gs[1]
    g.xs[1] *= part
    g.ms[1] *= part
    g.gs[1] *= part


cdef inline bint has_rows(const Plan* g, cnp.ndarray x) noexcept:
    """Whether elements are beside each other, as they are folded."""
    return (not g.x_swapped and cnp.PyArray_ISALIGNED(x)
            and (g.axis[2].n == 1 or g.xs[2] == g.x_size))


cdef bint is_constant(const Plan* g, const Pooled* pooled) noexcept:
    """Whether all elements of a plane get the same: the value of its only window."""
    cdef const Axis* a
    cdef int i
    if are_drawn(pooled):
        return False
    for i in range(pooled.count):
        a = &pooled.windows[i]
        if (a.n != 1 or a.source != NULL or a.before != 0 or a.dilation != 1
                or a.kernel < a.m):
            return False
    return g.transposed


cdef void merge_constant(Plan* g) noexcept:
    """The axes of a window over all of a plane become W, a row of the result."""
    cdef Axis* w = &g.axis[2]
    join_constant(g, 1, 2)
    join_constant(g, 0, 1)
    join_constant(g, 1, 2)
    g.constant = (is_single(&g.axis[0]) and is_single(&g.axis[1])
                  and (w.m == 1 or g.ys[2] == g.inner * g.y_size)
                  and (g.inner == 1 or g.ys[3] == g.y_size))


cdef void join_constant(Plan* g, int i, int k) noexcept:
    """One window over two axes of the result that continue each other."""
    cdef Axis* a = &g.axis[i]
    cdef Axis* b = &g.axis[k]
    if a.m > 1 and b.m > 1 and g.ys[i] != b.m * g.ys[k]:
        return
    if b.m == 1:
        g.ys[k] = g.ys[i]
    b.size0 = (a.size[0] if a.size != NULL else a.size0) * (
        b.size[0] if b.size != NULL else b.size0)
    b.m *= a.m
    b.kernel = b.stride = b.reach = b.m
    b.dilation = 1
    b.start = b.count = NULL
    b.size = NULL
    b.identity = b.m == 1
    a[0] = SINGLE
    a.transposed = True


cdef bint loads_planes(const Plan* g, cnp.ndarray x) noexcept:
    """Planes that have to be loaded, or of which some elements do not exist: small ones are several
    at a time then (kernels/flat.pxi), which a tall one could not be."""
    return g.inner == 1 and (g.mask != NULL or g.omit_nan or not has_rows(g, x))


cdef void merge_tiling(Plan* g) noexcept:
    """Where windows of H tile it exactly, planes that continue each other are one tall plane."""
    cdef Axis* h = &g.axis[1]
    cdef int last = g.outer_ndim - 1
    if (last >= 0 and is_single(&g.axis[0]) and h.start == NULL and h.source == NULL
            and h.kernel == h.stride and h.dilation == 1 and h.before == 0 and not is_single(h)
            and h.n == h.m * h.stride and h.reach == h.n and h.size == NULL and h.exist == NULL
            and g.x_outer[last] == h.n * g.xs[1] and g.y_outer[last] == h.m * g.ys[1]
            and g.q_outer[last] == h.m * g.qs[1] and g.m_outer[last] == h.n * g.ms[1]
            and g.outer[last] > 0):
        h.n *= g.outer[last]
        h.m *= g.outer[last]
        h.reach = h.n
        g.planes //= g.outer[last]
        g.outer_ndim = last


cdef void merge_spanned(Plan* g, bint selected) noexcept:
    """The same transposed, where windows span H. They do not overlap, or are those of a selection:
    a tap that falls on the next plane would be one in the padding, which nothing selected."""
    cdef Axis* h = &g.axis[1]
    cdef int last = g.outer_ndim - 1
    if not selected and ((h.kernel - 1) * h.dilation >= h.stride or h.before > 0
                         or h.size != NULL):
        return
    if (last >= 0 and is_single(&g.axis[0]) and h.start == NULL and h.source == NULL
            and not is_single(h) and h.m == h.n * h.stride and g.outer[last] > 0
            and g.x_outer[last] == h.n * g.xs[1] and g.y_outer[last] == h.m * g.ys[1]
            and g.q_outer[last] == h.n * g.qs[1]):
        h.n *= g.outer[last]
        h.m *= g.outer[last]
        g.planes //= g.outer[last]
        g.outer_ndim = last


cdef inline bint is_over_all(const Axis* a) noexcept:
    """One window over a whole axis; fractional windows may be one that is not."""
    return a.m == 1 and a.start != NULL and a.count[0] == a.n


cdef inline bint is_single(const Axis* a) noexcept:
    return a.identity and a.n == 1


cdef void swap_slots(Plan* g, int i, int j) noexcept:
    g.axis[i], g.axis[j] = g.axis[j], g.axis[i]
    g.xs[i], g.xs[j] = g.xs[j], g.xs[i]
    g.ys[i], g.ys[j] = g.ys[j], g.ys[i]
    g.ms[i], g.ms[j] = g.ms[j], g.ms[i]
    g.gs[i], g.gs[j] = g.gs[j], g.gs[i]
    g.qs[i], g.qs[j] = g.qs[j], g.qs[i]


cdef void rows_from_planes(Plan* g) noexcept:
    """Where only one axis is folded, along the row, planes are single rows: those along the last
    outer axis become the rows of one plane, so that a tile has many."""
    cdef Axis* h = &g.axis[1]
    cdef int last = g.outer_ndim - 1
    if last < 0 or g.outer[last] == 0 or not (is_single(h) and is_single(&g.axis[0])):
        return
    h.n = h.m = h.reach = g.outer[last]
    g.xs[1], g.ys[1], g.ms[1] = g.x_outer[last], g.y_outer[last], g.m_outer[last]
    g.qs[1] = g.q_outer[last]
    g.planes //= h.n
    g.outer_ndim = last


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
            and a.m == b.m * b.n and a.g == b.g * b.n)


cdef void sort_by_stride(Dim* dims, Axis* axes, int count) noexcept:
    """Pooled axes in the order of memory, the closest last."""
    cdef int i, j
    for i in range(1, count):
        j = i
        while j > 0 and absolute(dims[j - 1].x) < absolute(dims[j].x):
            dims[j - 1], dims[j] = dims[j], dims[j - 1]
            axes[j - 1], axes[j] = axes[j], axes[j - 1]
            j -= 1
