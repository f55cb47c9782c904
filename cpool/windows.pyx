"""Windows: where each one begins, what it reads, and how many there are.

Along each pooled axis a window is a start and a number of taps at equal distance. This module is
the only place where the arguments that describe windows are understood and checked; everything
else (output shapes, kernels, backward passes, divisors) reads the tables that are made here.

Windows are immutable, hashable and picklable, and need no data: `w.output_shape(input_shape)`.
"""

cimport cython
cimport numpy as cnp
from cpython.long cimport PyLong_AsLongLongAndOverflow
from libc.stdlib cimport free, malloc

from functools import partial

import numpy as np

cdef extern from *:
    """
    #if defined(__SIZEOF_INT128__)
    typedef __int128 cpool_wide;
    #else
    typedef int64_t cpool_wide;
    #endif
    """
    ctypedef long long wide "cpool_wide"

cnp.import_array()

cdef Py_ssize_t LIMIT = <Py_ssize_t> 1 << 62
cdef Py_ssize_t MAPPED = <Py_ssize_t> 1 << 28   # padding that takes no more than a second to map
cdef Py_ssize_t LISTED = <Py_ssize_t> 1 << 28   # entries of a Python list

PADDING_MODES = ("constant", "reflect", "mirror", "nearest", "wrap")

cdef enum Mode:
    CONSTANT, REFLECT, MIRROR, NEAREST, WRAP

cdef enum Pad:
    EXPLICIT, SAME, SAME_LOWER

cdef enum:
    LONG = 256      # elements of a window that is not loaded all at once


@cython.final
@cython.freelist(8)
cdef class Tables:
    """Memory of the tables of one call, freed with it."""

    cdef void* take(self, Py_ssize_t entries) except NULL:
        """Room for so many entries of 8 bytes."""
        cdef void* block = NULL
        if self.blocks == NULL:
            self.blocks = <void**> malloc(32 * sizeof(void*))
        if self.blocks != NULL and self.count < 32 and entries < LIMIT // 8:
            block = malloc(entries * 8)
        if block == NULL:
            raise MemoryError(f"no memory for a table of {entries} windows or padded elements")
        self.blocks[self.count] = block
        self.count += 1
        self.entries += entries
        return block

    def __dealloc__(self):
        cdef int i
        for i in range(self.count):
            free(self.blocks[i])
        free(self.blocks)


# --- arguments ------------------------------------------------------------------------------------

cdef bint is_bool(object value) except -1:
    """Python's bools, and NumPy's, also in an array of no axes."""
    return isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"


cdef bint boolean(object value, str name) except -1:
    """A flag; an int or a str is a TypeError."""
    if value is True or value is False:
        return value
    if not is_bool(value) or getattr(value, "ndim", 0):
        raise TypeError(f"{name} must be a bool, got {value!r}")
    return bool(value)


cdef Py_ssize_t integer(object value, str name, Py_ssize_t least) except? -1:
    """An integer argument; a float or a bool is a TypeError."""
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(
        value if type(value) is int else index_of(value, name), &overflow)
    if overflow < 0 or (overflow == 0 and number < least):
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if overflow > 0 or number >= LIMIT:
        raise ValueError(f"{name} must be less than 2**62, got {value}")
    return number


cdef object index_of(object value, str name):
    try:
        number = None if is_bool(value) or getattr(value, "ndim", 0) else value.__index__()
    except (AttributeError, TypeError):
        number = None
    if number is None:
        raise TypeError(f"{name} must be an int or one int for each axis, got {value!r}")
    return number


cdef int integers(object value, str name, Py_ssize_t least, Py_ssize_t* values) except -1:
    """Sets values[0..2]; gives the number of entries, 0 for one that holds for all axes."""
    cdef int i, count
    if type(value) is int:
        values[0] = integer(value, name, least)
        values[1] = values[2] = values[0]
        return 0
    if isinstance(value, (tuple, list)):
        count = <int> len(value)
        if not 1 <= count <= 3:
            raise ValueError(f"{name} must have 1 to 3 entries, got {value!r}")
        for i in range(count):
            values[i] = integer(value[i], name, least)
        return count
    values[0] = integer(value, name, least)
    values[1] = values[2] = values[0]
    return 0


cdef int paddings(object value, Py_ssize_t* before, Py_ssize_t* after) except -1:
    cdef int i, count
    if not isinstance(value, (tuple, list)):
        count = integers(value, "padding", 0, before)
        for i in range(3):
            after[i] = before[i]
        return count
    count = <int> len(value)
    if not 1 <= count <= 3:
        raise ValueError(f"padding must have 1 to 3 entries, got {value!r}")
    for i in range(count):
        entry = value[i]
        if isinstance(entry, (tuple, list)):
            if len(entry) != 2:
                raise ValueError(
                    f"padding must have a (before, after) pair or an int for each axis, got "
                    f"{value!r}")
            before[i] = integer(entry[0], "padding", 0)
            after[i] = integer(entry[1], "padding", 0)
        else:
            before[i] = after[i] = integer(entry, "padding", 0)
    return count


cdef object shown(int entries, Py_ssize_t* values):
    return values[0] if entries == 0 else tuple([values[i] for i in range(entries)])


cdef double real(object value, str name) except? -1:
    """A real number, NumPy's too; a bool or a str is a TypeError."""
    if (not is_bool(value) and not isinstance(value, (str, bytes, bytearray))
            and not getattr(value, "ndim", 0)):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    raise TypeError(f"{name} must be a number or one number for each axis, got {value!r}")


cdef int reals(object value, str name, double* values) except -1:
    """As `integers`, without bounds. An array of one axis is a number for each axis."""
    cdef int i, count
    if isinstance(value, (tuple, list)) or getattr(value, "ndim", 0) == 1:
        count = <int> len(value)
        if not 1 <= count <= 3:
            raise ValueError(f"{name} must have 1 to 3 entries, got {value!r}")
        for i in range(count):
            values[i] = real(value[i], name)
        return count
    values[0] = values[1] = values[2] = real(value, name)
    return 0


cdef bint is_single(object value):
    """Whether a number, or each of some, is NumPy's float32."""
    if isinstance(value, (tuple, list)):
        return all([is_single(each) for each in value])
    return getattr(getattr(value, "dtype", None), "char", "") == "f"


# --- geometry -------------------------------------------------------------------------------------

cdef Py_ssize_t common_divisor(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    while b != 0:
        a, b = b, a % b
    return a


cdef Py_ssize_t source_of(Mode mode, Py_ssize_t at, Py_ssize_t n) noexcept nogil:
    """The element that a padded axis repeats at `at` (counted from the first element)."""
    cdef Py_ssize_t period
    if 0 <= at < n:
        return at
    if mode == NEAREST:
        return 0 if at < 0 else n - 1
    if mode == WRAP:
        at = at % n
        return at + n if at < 0 else at
    period = 2 * n if mode == REFLECT else 2 * (n - 1)
    if period == 0:
        return 0
    at = at % period
    if at < 0:
        at += period
    if mode == REFLECT:
        return at if at < n else period - 1 - at
    return at if at < n else period - at


cdef int check_padding(Axis* a, Py_ssize_t n) except -1:
    """With constant padding every window must read at least one element."""
    # The first window reaches least far; the last one begins last. In between a window can be empty
    # only where an axis fits between two taps, and that repeats.
    cdef Py_ssize_t first = a.before, tap, repeats = 1
    cdef bint empty = (a.m - 1) * a.stride >= a.before + n
    if a.dilation > n:
        repeats = min(a.m, a.dilation // common_divisor(a.stride, a.dilation))
    while repeats > 0 and first > 0 and not empty:
        tap = (first - 1) // a.dilation + 1
        empty = tap > a.kernel - 1 or tap * a.dilation - first >= n
        first -= a.stride
        repeats -= 1
    if empty:
        raise ValueError(
            f"padding is so large that a window lies wholly in it: kernel_size {a.kernel}, stride "
            f"{a.stride}, dilation {a.dilation}, padding ({a.before}, {a.reach - a.before - n}) on "
            f"an axis of length {n}; use less padding or another padding_mode")
    return 0


cdef class Windows:
    """Base of all windows; made by `sliding`, `adaptive`, `fractional` and `whole`."""

    def __init__(self):
        raise TypeError("windows are made by sliding, adaptive, fractional or whole")

    @property
    def ndim(self):
        """Number of axes that the arguments have entries for; None where they hold for any."""
        return self.entries or None

    cdef int check_axes(self, int axes) except -1:
        if self.entries != 0 and self.entries != axes:
            hint = ""
            entries = "entry" if self.entries == 1 else "entries"
            if self.named == "padding" and axes == 1 and self.entries == 2:
                hint = "; a (before, after) pair for one axis is written ((before, after),)"
            raise ValueError(
                f"{self.named} has {self.entries} {entries}, but {axes} "
                f"{'axis is' if axes == 1 else 'axes are'} pooled{hint}")
        return 0

    cdef int fill(self, Axis* a, int i, Py_ssize_t n, Tables tables) except -1:
        raise NotImplementedError

    cdef Py_ssize_t length(self, int i, Py_ssize_t n, Tables tables) except -1:
        """How many windows there are along an axis."""
        cdef Axis a
        self.fill(&a, i, n, tables)
        return a.m

    def output_shape(self, input_shape):
        """Shape of the result along the pooled axes.

        Parameters
        ----------
        input_shape : sequence of int
            Lengths of the pooled axes, in the order of the arguments.

        Returns
        -------
        tuple of int

        Raises
        ------
        ValueError
            If the windows do not fit.

        Examples
        --------
        >>> import cpool
        >>> cpool.sliding(3, stride=2, padding=1).output_shape((224, 224))
        (112, 112)
        """
        cdef Tables tables = Tables.__new__(Tables)
        return tuple([self.length(<int> i, n, tables)
                      for i, n in enumerate(lengths_of(self, input_shape))])

    def table(self, input_shape, absent=None):
        """The elements that each window reads, along each pooled axis.

        Parameters
        ----------
        input_shape : sequence of int
            Lengths of the pooled axes.
        absent : int, optional
            What stands for taps in constant padding and beyond it; None leaves them out.

        Returns
        -------
        list of list of list of int
            For each axis, for each window, the indices that it reads, in the order of its taps;
            what lies in constant padding is left out or `absent`, what lies in other padding is
            the index of the element that stands there.

        Examples
        --------
        >>> import cpool
        >>> cpool.sliding(3, stride=2, padding=1).table((5,))
        [[[0, 1], [1, 2, 3], [3, 4]]]
        """
        cdef Axis a
        cdef Tables tables = Tables.__new__(Tables)
        result = []
        for i, n in enumerate(lengths_of(self, input_shape)):
            self.fill(&a, <int> i, n, tables)
            if absent is not None:
                check_listed(<wide> a.m * a.kernel)
            check_listed(<wide> a.m * min(a.kernel, a.n if a.source == NULL else a.reach))
            result.append([window_elements(&a, o, absent) for o in range(a.m)])
        return result

    def sizes(self, input_shape, count_include_pad=True):
        """What an average divides by, along each pooled axis.

        Parameters
        ----------
        input_shape : sequence of int
            Lengths of the pooled axes.
        count_include_pad : bool
            Whether constant padding counts.

        Returns
        -------
        list of list of int
            For each axis, for each window, the number of its elements that count; the divisor of
            a window is their product over the axes.

        Examples
        --------
        >>> import cpool
        >>> cpool.sliding(3, stride=2, padding=1).sizes((5,), count_include_pad=False)
        [[2, 3, 2]]
        """
        cdef Axis a
        cdef Tables tables = Tables.__new__(Tables)
        cdef bint padded = boolean(count_include_pad, "count_include_pad")
        result = []
        for i, n in enumerate(lengths_of(self, input_shape)):
            self.fill(&a, <int> i, n, tables)
            check_listed(a.m)
            fill_sizes(&a, padded, tables)
            result.append([int(a.size[o]) if a.size != NULL else int(a.size0) for o in range(a.m)])
        return result

    def _key(self):
        raise NotImplementedError

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return self._key() == (<Windows> other)._key()

    def __hash__(self):
        return hash((type(self).__name__, self._key()))


cdef list lengths_of(Windows w, object input_shape):
    try:
        lengths = [integer(n, "input_shape", 1) for n in input_shape]
    except TypeError:
        raise TypeError(f"input_shape must be a sequence of ints, got {input_shape!r}") from None
    if not 1 <= len(lengths) <= 3:
        raise ValueError(f"input_shape must have 1 to 3 entries, got {input_shape!r}")
    w.check_axes(<int> len(lengths))
    return lengths


cdef int check_listed(wide entries) except -1:
    if entries > LISTED:
        raise MemoryError(f"the windows have more than 2**28 entries to list: {int(entries)}")
    return 0


cdef void existing_taps(const Axis* a, Py_ssize_t o, Py_ssize_t lo, Py_ssize_t hi,
                        Py_ssize_t* first, Py_ssize_t* last) noexcept:
    """The taps of a regular window that stand at positions lo to hi of the padded axis."""
    cdef Py_ssize_t at = o * a.stride
    first[0] = 0 if at >= lo else (lo - at - 1) // a.dilation + 1
    last[0] = min(a.kernel - 1, (hi - 1 - at) // a.dilation)


cdef list window_elements(Axis* a, Py_ssize_t o, object absent):
    cdef Py_ssize_t tap, first, last
    if a.start != NULL:
        first, last = 0, a.count[o] - 1
        read = list(range(a.start[o], a.start[o] + a.count[o]))
    elif a.source == NULL:
        existing_taps(a, o, a.before, a.before + a.n, &first, &last)
        read = [o * a.stride + tap * a.dilation - a.before for tap in range(first, last + 1)]
    else:
        existing_taps(a, o, 0, a.reach, &first, &last)
        read = [a.source[o * a.stride + tap * a.dilation] for tap in range(first, last + 1)]
    if absent is None:
        return read
    return [absent] * first + read + [absent] * (a.kernel - 1 - last)


cdef class Sliding(Windows):
    cdef Py_ssize_t k[3]
    cdef Py_ssize_t s[3]
    cdef Py_ssize_t d[3]
    cdef Py_ssize_t before[3]
    cdef Py_ssize_t after[3]
    cdef Pad pad
    cdef Mode mode
    cdef bint ceil

    def __cinit__(self):
        cdef int i
        for i in range(3):
            self.k[i] = self.s[i] = self.d[i] = 1

    cdef int fill(self, Axis* a, int i, Py_ssize_t n, Tables tables) except -1:
        cdef Py_ssize_t k = self.k[i], s = self.s[i], d = self.d[i]
        cdef wide span = (<wide> k - 1) * d + 1
        cdef wide before = self.before[i], after = self.after[i], m, total, room, step
        cdef Py_ssize_t j
        if n < 1:
            raise ValueError(f"x must not be empty along a pooled axis, got length {n}")
        if self.pad != EXPLICIT:
            m = (n + <wide> s - 1) // s
            total = (m - 1) * s + span - n
            total = total if total > 0 else 0
            before = total // 2 if self.pad == SAME else total - total // 2
            after = total - before
        if span >= LIMIT or before + n + after >= LIMIT:
            raise ValueError(
                f"kernel_size {k}, dilation {d} and padding ({int(before)}, {int(after)}) reach "
                f"further than 2**62 elements")
        if self.pad == EXPLICIT:
            room = n + before + after - span
            step = room + (s - 1 if self.ceil else 0)
            m = 0 if step < 0 else step // s + 1
            if self.ceil and (m - 1) * s >= n + before:
                m -= 1
            if m < 1:
                raise ValueError(
                    f"kernel_size {k} with dilation {d} reaches over {int(span)} elements, more "
                    f"than the padded axis has: {n} and padding ({int(before)}, {int(after)})")
        a.n, a.m, a.kernel, a.stride, a.dilation = n, <Py_ssize_t> m, k, s, d
        a.before, a.reach = <Py_ssize_t> before, <Py_ssize_t> (before + n + after)
        a.transposed = False
        a.source = a.images = a.image0 = a.start = a.count = a.origin = NULL
        a.size = a.exist = NULL
        a.drawn = NULL
        a.identity = k == 1 and s == 1 and before == 0 and m == n
        if before == 0 and after == 0 and not self.ceil:
            return 0
        if self.mode == CONSTANT or a.identity or (before == 0 and after == 0):
            check_padding(a, n)
            return 0
        if a.reach - n > MAPPED:
            raise ValueError(
                f"padding must add at most 2**28 elements to an axis unless padding_mode is "
                f"'constant', got ({int(before)}, {int(after)})")
        source = <Py_ssize_t*> tables.take(a.reach)
        for j in range(a.reach):
            source[j] = source_of(self.mode, j - a.before, n)
        a.source = source
        return 0

    @property
    def kernel_size(self):
        return shown(self.entries, self.k)

    @property
    def stride(self):
        return shown(self.entries, self.s)

    @property
    def dilation(self):
        return shown(self.entries, self.d)

    @property
    def padding(self):
        if self.pad != EXPLICIT:
            return "same" if self.pad == SAME else "same_lower"
        pairs = [(self.before[i], self.after[i]) for i in range(self.entries or 1)]
        if all(b == a for b, a in pairs):
            return shown(self.entries, self.before)
        return tuple(pairs)

    @property
    def ceil_mode(self):
        return self.ceil

    @property
    def padding_mode(self):
        return PADDING_MODES[self.mode]

    def _key(self):
        return (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                self.padding_mode)

    def __repr__(self):
        cdef int i
        text = f"sliding({self.kernel_size}, stride={self.stride}"
        if self.pad != EXPLICIT or any([self.before[i] or self.after[i] for i in range(3)]):
            text += f", padding={self.padding!r}"
        if any([self.d[i] != 1 for i in range(self.entries or 1)]):
            text += f", dilation={self.dilation}"
        if self.ceil:
            text += ", ceil_mode=True"
        if self.mode != CONSTANT:
            text += f", padding_mode={self.padding_mode!r}"
        return text + ")"

    def __reduce__(self):
        return sliding, self._key()


cdef int agree(Windows w, int entries, str name) except -1:
    """All arguments with one entry for each axis have the same number of them."""
    if entries == 0:
        return 0
    if w.entries != 0 and w.entries != entries:
        raise ValueError(
            f"{name} must have as many entries as {w.named}, one for each axis: got {entries} and "
            f"{w.entries}")
    if w.entries == 0:
        w.entries, w.named = entries, name
    return 0


def sliding(kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
            padding_mode="constant"):
    """Windows of one size at equal distances.

    Parameters
    ----------
    kernel_size : int or tuple of int
        Taps of a window, along all axes or along each. At least 1.
    stride : int or tuple of int, optional
        Distance between windows; None is `kernel_size`.
    padding : int, tuple or {"valid", "same", "same_lower"}
        Elements added before and after each axis: an int, or for each axis an int or a
        ``(before, after)`` pair. "same" pads so that the result has ``ceil(n / stride)``
        elements, the odd one at the end; "same_lower" at the beginning.
    dilation : int or tuple of int
        Distance between the taps of a window.
    ceil_mode : bool
        Whether a last window that is partly outside is kept. One that would start in the
        padding after the axis is dropped, as in PyTorch and ONNX.
    padding_mode : {"constant", "reflect", "mirror", "nearest", "wrap"}
        What padding is. "constant": it does not exist (for averages it counts as zeros).
        The others repeat elements, with SciPy's names: "reflect" (d c b a | a b c d) repeats
        the edge, "mirror" (d c b | a b c d) does not and is what NumPy and PyTorch call reflect.

    Returns
    -------
    Windows
        Immutable, hashable and picklable.

    Raises
    ------
    TypeError
        If an argument has the wrong type: a float or a bool where an int belongs.
    ValueError
        If an argument is out of range, or the numbers of entries differ.

    Examples
    --------
    >>> import cpool
    >>> cpool.sliding((3, 3), stride=2, padding=1)
    sliding((3, 3), stride=(2, 2), padding=(1, 1))
    >>> cpool.sliding(2).output_shape((5, 5))
    (2, 2)
    """
    cdef Sliding w = Sliding.__new__(Sliding)
    cdef int i
    w.entries = 0
    w.pad = EXPLICIT
    agree(w, integers(kernel_size, "kernel_size", 1, w.k), "kernel_size")
    if stride is None:
        w.s = w.k
    else:
        agree(w, integers(stride, "stride", 1, w.s), "stride")
    if isinstance(padding, str):
        if padding not in ("valid", "same", "same_lower"):
            raise ValueError(
                f'padding must be ints, "valid", "same" or "same_lower", got {padding!r}')
        w.pad = EXPLICIT if padding == "valid" else SAME if padding == "same" else SAME_LOWER
        for i in range(3):
            w.before[i] = w.after[i] = 0
    else:
        agree(w, paddings(padding, w.before, w.after), "padding")
    agree(w, integers(dilation, "dilation", 1, w.d), "dilation")
    w.ceil = boolean(ceil_mode, "ceil_mode")
    w.mode = CONSTANT if padding_mode == "constant" else mode_of(padding_mode)
    return w


cdef Mode mode_of(object name) except *:
    if not isinstance(name, str):
        raise TypeError(f"padding_mode must be a str, got {name!r}")
    if name not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {', '.join(PADDING_MODES)}, got {name!r}")
    return <Mode> <int> PADDING_MODES.index(name)


cdef void set_axis(Axis* a, Py_ssize_t n, Py_ssize_t m) noexcept:
    """m windows without padding, of one element each if there are as many as elements."""
    a.n, a.m, a.kernel, a.stride, a.dilation, a.before, a.reach = n, m, 1, 1, 1, 0, n
    a.transposed = False
    a.source = a.images = a.image0 = a.start = a.count = a.origin = NULL
    a.size = a.exist = NULL
    a.drawn = NULL
    a.identity = m == n


cdef int fill_irregular(Axis* a, Py_ssize_t n, Py_ssize_t m, Tables tables) except -1:
    """m windows that cover an axis: from floor(o n / m) to ceil((o + 1) n / m), as PyTorch's."""
    cdef Py_ssize_t o, stop
    if n < 1:
        raise ValueError(f"x must not be empty along a pooled axis, got length {n}")
    set_axis(a, n, m)
    if m > 1 and n % m == 0:
        a.kernel = a.stride = n // m
        return 0
    if a.identity:
        return 0
    start = <Py_ssize_t*> tables.take(m)
    count = <Py_ssize_t*> tables.take(m)
    a.kernel = 0
    for o in range(m):
        start[o] = <Py_ssize_t> (<wide> o * n // m)
        stop = <Py_ssize_t> ((<wide> (o + 1) * n + m - 1) // m)
        count[o] = stop - start[o]
        a.kernel = max(a.kernel, count[o])
    a.start, a.count, a.origin = start, count, start
    return 0


cdef class Adaptive(Windows):
    cdef Py_ssize_t m[3]

    cdef int fill(self, Axis* a, int i, Py_ssize_t n, Tables tables) except -1:
        return fill_irregular(a, n, self.m[i] if self.m[i] > 0 else n, tables)

    @property
    def output_size(self):
        sizes = [self.m[i] or None for i in range(self.entries or 1)]
        return tuple(sizes) if self.entries else sizes[0]

    def _key(self):
        return (self.output_size,)

    def __repr__(self):
        return f"adaptive({self.output_size})"

    def __reduce__(self):
        return adaptive, self._key()


def adaptive(output_size):
    """Windows that cover an axis of any length with a given number of windows.

    Window o of m on an axis of n elements goes from ``floor(o n / m)`` to
    ``ceil((o + 1) n / m)``: windows differ by at most one element, and may overlap by one.

    Parameters
    ----------
    output_size : int or None, or tuple of them
        Windows along all axes or along each; None keeps an axis as it is.

    Returns
    -------
    Windows

    Raises
    ------
    TypeError, ValueError
        If `output_size` is not an int of at least 1 or None.

    Examples
    --------
    >>> import cpool
    >>> cpool.adaptive(3).table((7,))
    [[[0, 1, 2], [2, 3, 4], [4, 5, 6]]]
    """
    cdef Adaptive w = Adaptive.__new__(Adaptive)
    cdef int i
    w.entries, w.named = 0, "output_size"
    for i in range(3):
        w.m[i] = 0
    if isinstance(output_size, (tuple, list)):
        w.entries = <int> len(output_size)
        if not 1 <= w.entries <= 3:
            raise ValueError(f"output_size must have 1 to 3 entries, got {output_size!r}")
        for i in range(w.entries):
            if output_size[i] is not None:
                w.m[i] = integer(output_size[i], "output_size", 1)
    elif output_size is not None:
        w.m[0] = integer(output_size, "output_size", 1)
        w.m[1] = w.m[2] = w.m[0]
    return w


cdef class Fractional(Windows):
    """Where windows begin depends on a sample for each axis. `of_planes` gives each plane its own;
    then tables are made plane by plane where planes are pooled (`make_windows`), and those of an
    Axis hold the windows of all planes."""
    cdef Py_ssize_t k[3]
    cdef Py_ssize_t m[3]
    cdef double ratio[3]
    cdef double u[3]
    cdef bint by_ratio      # m is not given, but what it is a share of
    cdef bint drawn         # u is not given: it is drawn for each plane
    cdef bint single        # places are computed in float32, as PyTorch does it with such samples
    cdef bint overlap
    cdef object each        # samples of planes: an array of float64, a row for each; or None

    def __cinit__(self):
        cdef int i
        for i in range(3):
            self.k[i] = self.m[i] = 1

    cdef Py_ssize_t length(self, int i, Py_ssize_t n, Tables tables) except -1:
        cdef Py_ssize_t m = self.m[i], k = self.k[i] if self.overlap else 1
        if n < 1:
            raise ValueError(f"x must not be empty along a pooled axis, got length {n}")
        if self.by_ratio:
            m = <Py_ssize_t> (<double> n * self.ratio[i])
            if m < 1:
                raise ValueError(
                    f"output_ratio must leave a window, got {self.ratio[i]!r} of {n} elements")
        if <wide> m + k - 1 > n:
            given = f"output_ratio {self.ratio[i]!r}" if self.by_ratio else f"output_size {m}"
            reason = f"{m} of kernel_size {k} begin" if self.overlap else f"{m} of them begin"
            raise ValueError(
                f"{given} gives more windows than there are places on an axis of {n} elements: "
                f"{reason} one element apart at least")
        return m

    cdef int fill(self, Axis* a, int i, Py_ssize_t n, Tables tables) except -1:
        cdef Py_ssize_t m = self.length(i, n, tables), o
        cdef Drawn d
        if self.drawn:
            raise ValueError(
                "samples must be given to fractional where windows are asked for without rng")
        set_axis(a, n, m)
        if a.identity:
            return 0
        d.n, d.m, d.kernel, d.single = n, m, self.k[i] if self.overlap else 0, self.single
        d.sample, d.step, d.planes = &self.u[i], 0, 1
        # A window that is the only one is the same in all planes.
        if self.each is not None and m > 1:
            d.sample = <const double*> cnp.PyArray_DATA(self.each) + i
            d.planes, d.step = self.each.shape
            a.drawn = <const Drawn*> tables.take(sizeof(Drawn) // 8 + 1)
            (<Drawn*> a.drawn)[0] = d
            bound(a, tables)
            a.origin, a.kernel = a.start, a.drawn.longest
            return 0
        start = <Py_ssize_t*> tables.take(m)
        count = <Py_ssize_t*> tables.take(m)
        place_windows(&d, 0, start, count)
        a.kernel = count[0]
        for o in range(1, m):
            a.kernel = max(a.kernel, count[o])
        a.start, a.count, a.origin = start, count, start
        return 0

    def of_planes(self, cnp.ndarray samples):
        """The same with samples of each plane: a row for each, of one number for each axis."""
        cdef Fractional w = Fractional.__new__(Fractional)
        w.entries, w.named, w.overlap, w.by_ratio = (
            self.entries, self.named, self.overlap, self.by_ratio)
        w.k, w.m, w.ratio = self.k, self.m, self.ratio
        if not np.all((np.greater_equal(samples, 0)) & (np.less(samples, 1))):
            raise ValueError(f"samples must be at least 0 and less than 1, got {samples!r}")
        w.single = is_single(samples)
        w.each = np.array(samples, np.float64, order="C")
        return w

    @property
    def kernel_size(self):
        return shown(self.entries, self.k) if self.overlap else None

    @property
    def output_size(self):
        return None if self.by_ratio else shown(self.entries, self.m)

    @property
    def output_ratio(self):
        return shown_reals(self.entries, self.ratio, False) if self.by_ratio else None

    @property
    def samples(self):
        return None if self.drawn else shown_reals(self.entries, self.u, self.single)

    @property
    def overlapping(self):
        return self.overlap

    def _key(self):
        return (self.kernel_size, self.output_size, self.output_ratio, self.samples, self.single,
                self.overlapping)

    def __repr__(self):
        sizes = f"output_ratio={self.output_ratio}" if self.by_ratio else (
            f"output_size={self.output_size}")
        text = f"fractional({self.kernel_size}, {sizes}"
        if not self.drawn:
            text += f", samples={self.samples!r}"
        return text + (")" if self.overlap else ", overlapping=False)")

    def __reduce__(self):
        make = partial(fractional, samples=self.samples, overlapping=self.overlapping)
        return make, (self.kernel_size, self.output_size, self.output_ratio)


cdef object shown_reals(int entries, double* values, bint single):
    kind = np.float32 if single else float
    if entries == 0:
        return kind(values[0])
    return tuple([kind(values[i]) for i in range(entries)])


cdef void place_windows(const Drawn* d, Py_ssize_t plane, Py_ssize_t* start,
                        Py_ssize_t* count) noexcept nogil:
    """The windows of a plane: where each begins, written as PyTorch computes it, operation by
    operation, and how many elements it has."""
    cdef Py_ssize_t room = d.n - d.kernel, steps = d.m - (d.kernel > 0), o, at = 0
    cdef Py_ssize_t least, most = room
    cdef double u = d.sample[plane * d.step], step = 0
    cdef float narrow_u = <float> u, narrow = 0
    if steps > 0:
        step, narrow = <double> room / <double> steps, <float> room / <float> steps
    for o in range(d.m):
        # Rounding must neither put a window beyond the axis nor leave one empty.
        least = at
        if d.kernel == 0:
            least, most = at + (o > 0), d.n - d.m + o
        if o == steps:
            at = room
        elif d.single:
            at = (<Py_ssize_t> ((<float> o + narrow_u) * narrow)
                  - <Py_ssize_t> (narrow_u * narrow))
        else:
            at = <Py_ssize_t> ((<double> o + u) * step) - <Py_ssize_t> (u * step)
        at = start[o] = min(max(at, least), most)
        count[o] = d.kernel
    for o in range(d.m if d.kernel == 0 else 0):
        count[o] = (start[o + 1] if o + 1 < d.m else d.n) - start[o]


cdef Py_ssize_t room_for_windows(const Axis* a) noexcept nogil:
    """Entries that make_windows needs."""
    return 3 * a.drawn.m + 2 * a.drawn.n


cdef Py_ssize_t* make_windows(Axis* a, Py_ssize_t plane, Py_ssize_t* memory) noexcept nogil:
    """The tables of a plane; gives what memory is left."""
    cdef const Drawn* d = a.drawn
    cdef Py_ssize_t* start = memory
    cdef Py_ssize_t* count = memory + d.m
    cdef double* size = <double*> (memory + 2 * d.m)
    cdef Py_ssize_t o
    place_windows(d, plane, start, count)
    if a.size != NULL:
        for o in range(d.m):
            size[o] = count[o]
        a.size = a.exist = size
    a.start, a.count, a.origin = start, count, start
    if a.transposed:
        find_cover(start, count, d.m, memory + 3 * d.m, memory + 3 * d.m + d.n, d.n)
        a.start, a.count = memory + 3 * d.m, memory + 3 * d.m + d.n
    return memory + room_for_windows(a)


cdef int bound(Axis* a, Tables tables) except -1:
    """Tables by which work is cut: what each element of the result is folded from in some plane."""
    cdef Drawn* d = <Drawn*> a.drawn
    cdef Axis some = a[0]
    cdef Py_ssize_t p, o
    start = <Py_ssize_t*> tables.take(a.m)
    count = <Py_ssize_t*> tables.take(a.m)
    memory = <Py_ssize_t*> tables.take(room_for_windows(a))
    d.fewest, d.longest = LIMIT, 0
    for o in range(a.m):
        start[o], count[o] = a.n, 0     # at first where the last one ends
    for p in range(d.planes):
        make_windows(&some, p, memory)
        for o in range(a.m):
            d.fewest, d.longest = min(d.fewest, some.count[o]), max(d.longest, some.count[o])
            if some.count[o] > 0:
                start[o] = min(start[o], some.start[o])
                count[o] = max(count[o], some.start[o] + some.count[o])
    for o in range(a.m):
        start[o] = min(start[o], count[o])
        count[o] -= start[o]
    a.start, a.count = start, count
    return 0


def fractional(kernel_size, output_size=None, output_ratio=None, *, samples=None,
               overlapping=True):
    """Windows at random distances, so that an axis shrinks by any factor.

    With u in [0, 1), the sample of an axis of n elements, window o of m begins at
    ``int((o + u) a) - int(u a)`` with ``a = (n - kernel_size) / (m - 1)``, and the last one at
    ``n - kernel_size``: distances are floor(a) or ceil(a) in an order that depends on u
    (Graham, 2014; the formula is PyTorch's).

    Parameters
    ----------
    kernel_size : int, tuple of int or None
        Elements of a window along all axes or along each; None with ``overlapping=False``.
    output_size : int or tuple of int, optional
        Number of windows. Either this or `output_ratio` is given.
    output_ratio : float or tuple of float, optional
        ``int(n * output_ratio)`` windows; between 0 and 1.
    samples : float, tuple of float or array, optional
        u of all axes or of each, in the order of the other arguments. Numbers of NumPy's type
        float32 make the windows that PyTorch makes of them in float32. None: they are drawn, for
        each plane anew, by the function that pools.
    overlapping : bool
        False: each window ends where the next one begins, and the last one with the axis;
        ``a = n / m``.

    Returns
    -------
    Windows
        Immutable, hashable and picklable. Only with samples have they a table.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, or not one of the two sizes is given.

    References
    ----------
    .. [1] Graham, B. (2014). Fractional max-pooling. arXiv:1412.6071.

    Examples
    --------
    >>> import cpool
    >>> cpool.fractional(2, 4, samples=0.4).table((7,))
    [[[0, 1], [2, 3], [4, 5], [5, 6]]]
    >>> cpool.fractional(None, 4, samples=0.4, overlapping=False).table((7,))
    [[[0, 1], [2, 3], [4], [5, 6]]]
    """
    cdef Fractional w = Fractional.__new__(Fractional)
    cdef int i
    w.entries = 0
    w.overlap = boolean(overlapping, "overlapping")
    if w.overlap:
        agree(w, integers(kernel_size, "kernel_size", 1, w.k), "kernel_size")
    elif kernel_size is not None:
        raise ValueError(
            f"kernel_size must be None with overlapping=False, where each window ends where the "
            f"next one begins, got {kernel_size!r}")
    if (output_size is None) == (output_ratio is None):
        raise ValueError(
            f"either output_size or output_ratio must be given, got {output_size!r} and "
            f"{output_ratio!r}")
    w.by_ratio = output_size is None
    if w.by_ratio:
        agree(w, reals(output_ratio, "output_ratio", w.ratio), "output_ratio")
    else:
        agree(w, integers(output_size, "output_size", 1, w.m), "output_size")
    w.drawn = samples is None
    if not w.drawn:
        agree(w, reals(samples, "samples", w.u), "samples")
        w.single = is_single(samples)
    for i in range(w.entries or 1):
        if w.by_ratio and not 0 < w.ratio[i] < 1:
            raise ValueError(f"output_ratio must be between 0 and 1, got {output_ratio!r}")
        if not w.drawn and not 0 <= w.u[i] < 1:
            raise ValueError(f"samples must be at least 0 and less than 1, got {samples!r}")
    return w


cdef class Whole(Windows):
    cdef int fill(self, Axis* a, int i, Py_ssize_t n, Tables tables) except -1:
        return fill_irregular(a, n, 1, tables)

    def _key(self):
        return ()

    def __repr__(self):
        return "whole()"

    def __reduce__(self):
        return whole, ()


def whole():
    """One window over the whole of each pooled axis: global pooling.

    Returns
    -------
    Windows

    Examples
    --------
    >>> import cpool
    >>> cpool.whole().output_shape((7, 7))
    (1, 1)
    """
    cdef Whole w = Whole.__new__(Whole)
    w.entries, w.named = 0, ""
    return w


# --- tables for the kernels -----------------------------------------------------------------------

cdef int fill_sizes(Axis* a, bint count_include_pad, Tables tables) except -1:
    """How many elements of each window count in an average, and how many of them exist."""
    cdef Py_ssize_t o, end = (a.m - 1) * a.stride + (a.kernel - 1) * a.dilation + 1
    a.size0 = a.exist0 = a.kernel
    if a.start != NULL:
        for o in range(a.m):
            if a.count[o] != a.kernel if a.drawn == NULL else a.drawn.fewest < a.drawn.longest:
                a.size = a.exist = size_table(a, 0, a.n, tables)
                break
        return 0
    if a.source != NULL:
        if end > a.reach:
            a.size = a.exist = size_table(a, 0, a.reach, tables)
        return 0
    if a.before > 0 or end > a.before + a.n:
        a.exist = size_table(a, a.before, a.before + a.n, tables)
    a.size = a.exist
    if count_include_pad:
        a.size = NULL
        if end > a.reach:
            a.size = size_table(a, 0, a.reach, tables)
    return 0


cdef double* size_table(Axis* a, Py_ssize_t lo, Py_ssize_t hi, Tables tables) except NULL:
    """For each window the number of taps at positions lo to hi of the padded axis: of regular ones
    all but some at the ends are full."""
    cdef Py_ssize_t o, first, last, begin, end
    sizes = <double*> tables.take(a.m)
    if a.start != NULL:
        for o in range(a.m):
            sizes[o] = a.count[o]
        return sizes
    begin = min(a.m, (lo + a.stride - 1) // a.stride)
    end = max(begin, min(a.m, (hi - (a.kernel - 1) * a.dilation + a.stride - 1) // a.stride))
    for o in range(begin):
        existing_taps(a, o, lo, hi, &first, &last)
        sizes[o] = last - first + 1
    for o in range(begin, end):
        sizes[o] = a.kernel
    for o in range(end, a.m):
        existing_taps(a, o, lo, hi, &first, &last)
        sizes[o] = last - first + 1
    return sizes


cdef int transpose(Axis* a, Tables tables) except -1:
    """The same windows, from their values to the elements that they cover."""
    cdef Py_ssize_t i, j
    a.n, a.m = a.m, a.n
    a.transposed = True
    if a.drawn != NULL:
        bound(a, tables)
    elif a.start != NULL:
        start = <Py_ssize_t*> tables.take(a.m)
        count = <Py_ssize_t*> tables.take(a.m)
        find_cover(a.start, a.count, a.n, start, count, a.m)
        a.start, a.count = start, count
    if a.source != NULL:
        image0 = <Py_ssize_t*> tables.take(a.m + 1)
        images = <Py_ssize_t*> tables.take(a.reach)
        for i in range(a.m + 1):
            image0[i] = 0
        for j in range(a.reach):
            image0[a.source[j] + 1] += 1
        for i in range(a.m):
            image0[i + 1] += image0[i]
        for j in range(a.reach):
            images[image0[a.source[j]]] = j
            image0[a.source[j]] += 1
        for i in range(a.m, 0, -1):
            image0[i] = image0[i - 1]
        image0[0] = 0
        a.images, a.image0 = images, image0
    return 0


cdef void find_cover(const Py_ssize_t* start, const Py_ssize_t* count, Py_ssize_t windows,
                     Py_ssize_t* first, Py_ssize_t* number, Py_ssize_t elements) noexcept nogil:
    """Which irregular windows cover each element."""
    cdef Py_ssize_t i, lo = 0, hi = 0
    for i in range(elements):
        while lo < windows and start[lo] + count[lo] <= i:
            lo += 1
        while hi < windows and start[hi] <= i:
            hi += 1
        first[i], number[i] = lo, hi - lo


cdef int list_windows(Axis* a, Tables tables) except -1:
    """Regular windows without padding get a table, as irregular ones have."""
    cdef Py_ssize_t o
    start = <Py_ssize_t*> tables.take(a.m)
    count = <Py_ssize_t*> tables.take(a.m)
    for o in range(a.m):
        start[o], count[o] = o * a.stride, a.kernel
    a.start, a.count, a.origin, a.stride = start, count, start, 1
    return 0


cdef int list_long(Axis* a, Tables tables) except -1:
    """The same for windows of very many elements: those of irregular windows are not all loaded at
    once."""
    if (a.start == NULL and a.source == NULL and a.drawn == NULL and a.dilation == 1
            and a.before == 0 and a.kernel > LONG and 2 * a.stride > a.kernel
            and (a.m - 1) * a.stride + a.kernel <= a.n):
        list_windows(a, tables)
    return 0


cdef int tabulate(Axis* a, Axis* b, Tables tables) except -1:
    """Two transposed axes get tables, as irregular windows have them, if small planes can be
    folded so: windows without gaps, of which about as many cover each element."""
    cdef Axis c = a[0], d = b[0]
    if cover(&c, tables) and cover(&d, tables):
        a[0], b[0] = c, d
    return 0


cdef int cover(Axis* a, Tables tables) except -1:
    """Which windows cover each element; False if their number differs by more than one."""
    cdef Py_ssize_t i, first, last, fewest = a.n, longest = 0
    if a.start != NULL:
        return True
    if a.identity or a.source != NULL or a.dilation != 1:
        return False
    start = <Py_ssize_t*> tables.take(a.m)
    count = <Py_ssize_t*> tables.take(a.m)
    for i in range(a.m):
        first = max(0, i + a.before - a.kernel + a.stride) // a.stride
        last = min(a.n - 1, (i + a.before) // a.stride)
        start[i], count[i] = first, last - first + 1
        fewest, longest = min(fewest, count[i]), max(longest, count[i])
    a.start, a.count, a.stride, a.before = start, count, 1, 0
    return fewest > 0 and longest <= fewest + 1
