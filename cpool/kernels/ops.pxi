# What is done to two elements. To add an operation: a tag in types.pxi, its branches of `pick` and
# `identity`, and a unit that compiles it.

cdef inline T pick(T a, T v, Op op) noexcept nogil:
    """a and v combined. In two steps: a NaN in v must win, and this form is vectorised."""
    cdef T m
    if Op is MaxOp:
        m = v if v > a else a
        return v if v != v else m
    elif Op is MinOp:
        m = v if v < a else a
        return v if v != v else m
    elif Op is ProductOp:
        return <T> (a * v)
    else:
        return <T> (a + v)


# Whether a pick has NaNs in mind.
ctypedef fused Care:
    Plain
    Ordered


cdef inline T pick_with_care(T a, T v, Op op, Care care) noexcept nogil:
    """Ordered: as if there were no NaN, which takes one instruction."""
    if Care is Ordered and Op is MaxOp:
        return v if v > a else a
    elif Care is Ordered and Op is MinOp:
        return v if v < a else a
    else:
        return pick(a, v, op)


cdef inline void note_unordered(T* nans, const T* a, const T* b) noexcept nogil:
    """A block of each: one comparison tells whether one of two elements is a NaN."""
    cdef Py_ssize_t k
    if T is float or T is double:
        for k in range(PER_BLOCK(sizeof(T))):
            nans[k] = <T> F_NAN if isunordered(a[k], b[k]) else nans[k]


cdef inline bint is_nan_among(const T* nans) noexcept nogil:
    cdef Py_ssize_t k
    cdef bint found = False
    for k in range(PER_BLOCK(sizeof(T))):
        found |= nans[k] != nans[k]
    return found


cdef inline T last(T v, Op op) noexcept nogil:
    """What the last fold of a window makes of the value: sums become means while they are in a
    register."""
    if Op is DivideOp:
        return <T> (v / <T> op.by)
    else:
        return v


cdef inline T identity(Op op, T tag) noexcept nogil:
    """What changes nothing when combined with anything."""
    if Op is ProductOp:
        return <T> 1
    elif (Op is not MaxOp and Op is not MinOp) or T is huge:
        return <T> 0
    elif T is float or T is double:
        return -F_INF if Op is MaxOp else F_INF
    elif T is int8_t:
        return INT8_MIN if Op is MaxOp else INT8_MAX
    elif T is int16_t:
        return INT16_MIN if Op is MaxOp else INT16_MAX
    elif T is int32_t:
        return INT32_MIN if Op is MaxOp else INT32_MAX
    elif T is int64_t:
        return INT64_MIN if Op is MaxOp else INT64_MAX
    elif T is uint8_t:
        return 0 if Op is MaxOp else UINT8_MAX
    elif T is uint16_t:
        return 0 if Op is MaxOp else UINT16_MAX
    elif T is uint32_t:
        return 0 if Op is MaxOp else UINT32_MAX
    else:
        return 0 if Op is MaxOp else UINT64_MAX
