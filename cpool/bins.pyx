"""The door for boxes: what their bins read, and the calls of the kernels that read it.

Along each axis a bin reads samples (`Boxes.sample`) or elements (`Boxes.cover`). Which ones is
listed here, once for a call, so that the kernels know of no boxes.
"""

cimport cython
cimport numpy as cnp
from libc.math cimport ceil, fabs
from libc.stdint cimport INT32_MAX
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from cpool cimport driver
from cpool.driver cimport kernels
from cpool.dtypes cimport SIZE, type_code
from cpool.kernels.plan cimport *

import numpy as np

cnp.import_array()

cdef enum:
    LANES = 16              # as in kernels/regions.pyx
    LINE = 64               # bytes of a line of the cache
    SLACK = 4               # elements of rows and lines that are moved but not used
    ROW = 64                # bins that are stored at once, if they come in rows shorter than that
    MERGED = 3              # taps back, in which the next sample's elements are looked for
    FEW = 1024              # samples of a bin that are gone through without asking where they are

ctypedef fused Real:
    float
    double


@cython.final
cdef class Taps:
    """A list of taps that grows."""
    cdef Tap* tap
    cdef Py_ssize_t count, room

    def __dealloc__(self):
        free(self.tap)

    cdef int push(self, Py_ssize_t at, double weight) except -1:
        cdef Tap* longer
        if self.count == self.room:
            longer = <Tap*> realloc(self.tap, (2 * self.room + 64) * sizeof(Tap))
            if longer == NULL:
                raise MemoryError(f"no memory for {2 * self.room} samples of boxes")
            self.tap = longer
            self.room = 2 * self.room + 64
        self.tap[self.count].at = at
        self.tap[self.count].weight = weight
        self.count += 1
        return 0

    cdef int merge(self, Py_ssize_t begin, Py_ssize_t at, double weight) except -1:
        """An element that one of the last taps from `begin` may have already."""
        cdef Py_ssize_t i
        for i in range(max(begin, self.count - MERGED), self.count):
            if self.tap[i].at == at:
                self.tap[i].weight += weight
                return 0
        return self.push(at, weight)


cdef double SAFE = 8        # roundings of a place, and more


cdef struct Span:
    # Along one axis, a box that is sampled: bins of `size` from `start` on, `grid` samples in each.
    double start, size, grid


cdef int sample_bin(Taps taps, Span span, Py_ssize_t p, Py_ssize_t n, bint merged,
                    Real one) except -1:
    """The samples of bin p; says whether some lie outside. Computed in the type of the boxes, each
    place as (start + p size) + (i + 1/2) size / grid, so that it is rounded as in other libraries.
    """
    cdef Real base = <Real> span.start + <Real> p * <Real> span.size
    cdef Real place, weight
    cdef Py_ssize_t i, at, lo = 0, hi = <Py_ssize_t> span.grid, begin = taps.count, inside = 0
    if span.grid > FEW:
        reach(span, base, n, (2.0 ** -23 if Real is float else 2.0 ** -52) * SAFE, &lo, &hi)
    for i in range(lo, hi):
        place = base + (<Real> i + <Real> 0.5) * <Real> span.size / <Real> span.grid
        if place < -1 or place > n:
            continue
        inside += 1
        place = max(place, <Real> 0)
        at = min(<Py_ssize_t> place, n - 1)
        weight = place - <Real> at if at < n - 1 else 0
        if not merged:
            taps.push(at, weight)
            continue
        taps.merge(begin, at, (one - weight) / span.grid)
        if weight != 0:
            taps.merge(begin, at + 1, weight / span.grid)
    return inside < span.grid


cdef void reach(Span span, double base, Py_ssize_t n, double error, Py_ssize_t* lo,
                Py_ssize_t* hi) noexcept:
    """Of very many samples, those that may lie on the axis: a box much larger than its image takes
    no longer than its image."""
    cdef double step = span.size / span.grid
    cdef double slip = error * (fabs(base) + fabs(span.start) + span.size) / step + 2
    lo[0] = <Py_ssize_t> min(max((-1 - base) / step - slip, 0.0), span.grid)
    hi[0] = <Py_ssize_t> min(max((n - base) / step + slip, 0.0), span.grid)


@cython.final
cdef class Boxes:
    """What the bins of boxes read: each axis, the rows (0) and the columns (1), has to be given by
    `sample` or `cover`.

    image: of each box, int64; images: how many there are.
    """
    cdef Regions regions
    cdef list taps                  # of each axis
    cdef double[2] longest          # taps of a bin
    cdef list kept                  # arrays that `regions` points to

    def __init__(self, cnp.ndarray image, Py_ssize_t images):
        self.kept, self.taps = [], [None, None]
        order = np.argsort(image, kind="stable")
        begin = np.searchsorted(np.take(image, order), np.arange(images + 1))
        self.regions.boxes, self.regions.images = cnp.PyArray_DIM(image, 0), images
        self.regions.image = self.numbers(image)
        self.regions.order = self.numbers(order)
        self.regions.begin = self.numbers(begin)
        self.regions.whole = True

    cdef Py_ssize_t* numbers(self, object array) except NULL:
        """An array that lives as long as this."""
        cdef cnp.ndarray kept = np.array(array, np.intp)
        self.kept.append(kept)
        return <Py_ssize_t*> cnp.PyArray_DATA(kept)

    cdef Bins* begin(self, int axis, Py_ssize_t n, Py_ssize_t count) except NULL:
        """An axis of n elements, of which `count` bins of each box are going to read some."""
        cdef Bins* bins = &self.regions.columns if axis == 1 else &self.regions.rows
        cdef Py_ssize_t boxes = self.regions.boxes
        cdef cnp.ndarray outside = np.zeros(boxes * count, np.uint8)
        self.kept.append(outside)
        self.taps[axis] = Taps.__new__(Taps)
        self.longest[axis] = 0
        bins.n, bins.count = n, count
        bins.cut = self.numbers(np.zeros(boxes * count + 1))
        bins.lo, bins.hi = self.numbers(np.zeros(boxes)), self.numbers(np.zeros(boxes))
        bins.outside = cnp.PyArray_BYTES(outside)
        return bins

    cdef void end_bin(self, Bins* bins, int axis, Py_ssize_t number, Py_ssize_t taps) noexcept:
        cdef Py_ssize_t* cut = <Py_ssize_t*> bins.cut
        cut[number + 1] = taps
        self.longest[axis] = max(self.longest[axis], <double> (cut[number + 1] - cut[number]))

    cdef void end_box(self, Bins* bins, const Tap* tap, Py_ssize_t k) noexcept:
        """Which elements the box reads."""
        cdef Py_ssize_t i, begin = bins.cut[k * bins.count], end = bins.cut[(k + 1) * bins.count]
        cdef Py_ssize_t lo = bins.n, hi = 0
        for i in range(begin, end):
            lo = min(lo, tap[i].at)
            hi = max(hi, tap[i].at + 1)
        (<Py_ssize_t*> bins.lo)[k] = min(lo, hi)
        (<Py_ssize_t*> bins.hi)[k] = hi

    def sample(self, int axis, cnp.ndarray start, cnp.ndarray size, Py_ssize_t n, Py_ssize_t count,
               Py_ssize_t ratio, bint merged):
        """Bins of `size` from `start` on, arrays of float32 or float64, are sampled at `ratio`
        places each, or at ceil(size) if that is 0.

        merged: each element with the sum of its weights, for means; not so, each sample.
        """
        cdef Bins* bins = self.begin(axis, n, count)
        cdef Span span
        cdef Py_ssize_t k, p
        cdef bint single = start.dtype == np.float32, outside
        cdef cnp.ndarray starts = np.array(start, np.float64), sizes = np.array(size, np.float64)
        cdef const double* s = <const double*> cnp.PyArray_DATA(starts)
        cdef const double* z = <const double*> cnp.PyArray_DATA(sizes)
        cdef Taps taps = self.taps[axis]
        self.regions.whole = False
        for k in range(self.regions.boxes):
            span.start, span.size = s[k], z[k]
            span.grid = <double> ratio if ratio > 0 else max(ceil(z[k]), 0.0)
            for p in range(count):
                if single:
                    outside = sample_bin(taps, span, p, n, merged, <float> 1)
                else:
                    outside = sample_bin(taps, span, p, n, merged, <double> 1)
                (<char*> bins.outside)[k * count + p] = outside
                self.end_bin(bins, axis, k * count + p, taps.count)
            self.end_box(bins, taps.tap, k)
            # A sample that is not merged reads the element behind it too.
            if not merged and bins.hi[k] > 0:
                (<Py_ssize_t*> bins.hi)[k] = min(bins.hi[k] + 1, n)
        bins.tap = taps.tap

    def cover(self, int axis, cnp.ndarray lo, cnp.ndarray hi, Py_ssize_t n):
        """Bin p of box k has the elements from lo[k, p] up to hi[k, p], which is not one of them.
        """
        cdef Py_ssize_t k, p, i, count = cnp.PyArray_DIM(lo, 1)
        cdef Bins* bins = self.begin(axis, n, count)
        cdef const Py_ssize_t* first = self.numbers(lo)
        cdef const Py_ssize_t* last = self.numbers(hi)
        cdef Taps taps = self.taps[axis]
        for k in range(self.regions.boxes):
            for p in range(k * count, (k + 1) * count):
                for i in range(first[p], last[p]):
                    taps.push(i, 0)
                self.end_bin(bins, axis, p, taps.count)
            self.end_box(bins, taps.tap, k)
        bins.tap = taps.tap


cdef int lay_out(Plan* g, Boxes boxes, cnp.ndarray planes, bint channels_last) except -1:
    """A plan without addresses."""
    cdef Py_ssize_t size, longest
    cdef Regions* r = &boxes.regions
    memset(g, 0, sizeof(Plan))
    r.channels = cnp.PyArray_DIM(planes, 3 if channels_last else 1)
    g.regions = r
    g.t_type = type_code(planes.descr, "x")
    size = SIZE[g.t_type]
    # Several rows of bins are stored at once, if they are short.
    g.strip = min(r.rows.count, max(<Py_ssize_t> 1, ROW // r.columns.count))
    longest = max(r.columns.n, g.strip * r.columns.count)
    g.row = ((longest + SLACK) * size + LINE - 1) // LINE * LINE // size
    g.rows_at = LANES * (r.columns.n + SLACK) * size
    g.box_at = g.rows_at + LANES * g.row * size
    g.places_at = g.box_at + LANES * (g.strip * r.columns.count + SLACK) * size
    g.scratch = g.places_at + LANES * (r.columns.count + SLACK) * sizeof(int)
    return 0


cdef void strides(Py_ssize_t* to, cnp.ndarray array, bint channels_last) noexcept:
    """Of images or boxes, rows, columns, channels."""
    cdef int first = 1 if channels_last else 2
    to[0] = cnp.PyArray_STRIDE(array, 0)
    to[1] = cnp.PyArray_STRIDE(array, first)
    to[2] = cnp.PyArray_STRIDE(array, first + 1)
    to[3] = cnp.PyArray_STRIDE(array, 3 if channels_last else 1)


cdef int run(Plan* g, kernel_t kernel, Py_ssize_t owners) except -1:
    """owners: boxes or images, which own what the kernel writes."""
    cdef const Regions* r = g.regions
    cdef double bins = <double> r.boxes * r.rows.count * r.columns.count
    g.items = owners * ((r.channels + LANES - 1) // LANES)
    if bins > 0:
        driver.run(kernel, g, 4 * bins * r.channels)
    return 0


cdef object result_shape(Boxes boxes, object x, bint channels_last):
    bins = (boxes.regions.rows.count, boxes.regions.columns.count)
    if channels_last:
        return (boxes.regions.boxes, *bins, x.shape[3])
    return (boxes.regions.boxes, x.shape[1], *bins)


cdef int check_numbers(Boxes boxes) except -1:
    """Samples of a bin are numbered, or elements of a plane, in 32 bits."""
    cdef double rows = boxes.longest[0], columns = boxes.longest[1]
    if boxes.regions.whole:
        rows, columns = <double> boxes.regions.rows.n, <double> boxes.regions.columns.n
    if rows * columns > INT32_MAX:
        kind = "elements in a plane of x" if boxes.regions.whole else "samples in a bin"
        raise ValueError(f"there must be at most {INT32_MAX} {kind} for the gradient of a "
                         f"maximum, got {rows:.0f} x {columns:.0f}")
    return 0


def reduce(cnp.ndarray x, Boxes boxes, bint channels_last, bint maximum, bint numbered=False):
    """Each bin's mean, or maximum; numbered: (maxima, int32 numbers of the samples chosen).

    x: aligned, of float32 or float64; for maxima of `cover`, of int64 or uint64 too.
    """
    cdef Plan plan
    cdef cnp.ndarray y, chosen
    if numbered:
        check_numbers(boxes)
    lay_out(&plan, boxes, x, channels_last)
    y = np.empty(result_shape(boxes, x, channels_last), (<object> x).dtype)
    plan.x, plan.y = cnp.PyArray_BYTES(x), cnp.PyArray_BYTES(y)
    strides(plan.xs, x, channels_last)
    strides(plan.ys, y, channels_last)
    if numbered:
        chosen = np.empty((<object> y).shape, np.int32)
        plan.q = cnp.PyArray_BYTES(chosen)
        strides(plan.qs, chosen, channels_last)
    run(&plan, kernels.regions_max if maximum else kernels.regions_mean, boxes.regions.boxes)
    return (y, chosen) if numbered else y


def transpose(cnp.ndarray gy, Boxes boxes, tuple shape, bint channels_last, chosen=None):
    """The gradient of x, which has this shape: of means, or of the maxima that were chosen.

    gy: aligned, of float32 or float64.
    """
    cdef Plan plan
    cdef cnp.ndarray gx = np.zeros(shape, (<object> gy).dtype), numbers
    lay_out(&plan, boxes, gx, channels_last)
    plan.x, plan.y = cnp.PyArray_BYTES(gy), cnp.PyArray_BYTES(gx)
    strides(plan.xs, gy, channels_last)
    strides(plan.ys, gx, channels_last)
    if chosen is not None:
        numbers = chosen
        plan.q = cnp.PyArray_BYTES(numbers)
        strides(plan.qs, numbers, channels_last)
    run(&plan, kernels.regions_spread if chosen is None else kernels.regions_scatter,
        boxes.regions.images)
    return gx
