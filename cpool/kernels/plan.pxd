"""What one call is: plain structs, filled by cpool.arrays, read by the kernels."""

from libc.stdint cimport int16_t, int64_t, uint16_t


cdef enum TypeCode:
    # Data types in memory and in the folds. HUGE is 128 bits wide and only ever an accumulator.
    BOOL, INT8, UINT8, INT16, UINT16, INT32, UINT32, INT64, UINT64
    HALF, BFLOAT, FLOAT, DOUBLE, HUGE
    TYPES


cdef enum Operation:
    MAX, MIN, ADD, PRODUCT
    OPERATIONS


cdef enum Kind:
    # Means that are no sums (kernels/means.pxi), an element drawn (kernels/sampling.pxi), and order
    # statistics (kernels/order.pxi).
    NORM, SMALL_POWER, HARMONIC, GEOMETRIC, LOGARITHM, SOFT, LOGITS, PLAIN, EXPECTED, DETAIL
    DRAWN
    QUANTILE, RANKED, TRIMMED, MODE
    GATED       # mixtures of maxima and means that are there already (kernels/means.pxi)


cdef enum Method:
    # Of quantiles, with NumPy's names.
    INVERTED_CDF, AVERAGED_INVERTED_CDF, CLOSEST_OBSERVATION, INTERPOLATED_INVERTED_CDF, HAZEN
    WEIBULL, LINEAR, MEDIAN_UNBIASED, NORMAL_UNBIASED, LOWER, HIGHER, MIDPOINT, NEAREST


cdef enum Task:
    VALUES_OF, SLOPES_OF
    LEARNING_OF     # slopes in the parameter
    SHARES_OF       # of a gradient, for each element of a window (kernels/lifts.pxi)


cdef enum Parameter:
    POWER, LEAST_WEIGHT, SURROUNDINGS_OF    # the last two only DETAIL has


cdef enum Limit:
    # Of small planes of irregular windows that are folded in vectors (kernels/spans.pxi): taps
    # along a row, and elements of a row, at most.
    SPAN_TAPS = 16
    SPAN_ROW = 32


cdef enum Failure:
    # Bits that a kernel sets; cpool.arrays turns them into exceptions.
    EMPTY_WINDOW = 1        # no existing element, and the result cannot say NaN
    NAN_TO_INTEGER = 2
    NAN_READ = 4            # nan_policy="raise"
    BAD_INDEX = 8
    NO_MEMORY = 16
    IMMODERATE = 32         # an element too large or too small for kernels/lifts.pxi


cdef enum:
    WIDENED = 4     # rows of a window that are folded from their own type, at most
    REST = 2048     # bytes of rows that are copied to where whole blocks behind them may be read


cdef struct Drawn:
    # Windows along one axis that are each plane's own (see windows.pyx).
    const double* sample        # of plane p: sample[p * step]
    Py_ssize_t step
    Py_ssize_t planes
    Py_ssize_t n, m             # elements, windows
    Py_ssize_t kernel           # elements of each; 0: up to where the next one begins
    bint single                 # places are computed in float32
    Py_ssize_t fewest, longest  # taps of one element of the result, in any plane


cdef struct Axis:
    # Windows along one axis. Regular ones start `stride` apart on the padded axis, on which
    # source element i stands at `before + i`; irregular ones (adaptive, whole) have a table.
    #
    # A transposed axis reads the same windows the other way round: its source is one value for
    # each window (n of them), its result one value for each element that windows cover (m).
    Py_ssize_t n                # elements of the source
    Py_ssize_t m                # elements of the result
    Py_ssize_t kernel           # taps of a window (of the longest one, if irregular)
    Py_ssize_t stride
    Py_ssize_t dilation
    Py_ssize_t before           # padding before the first element
    Py_ssize_t reach            # padded positions that windows may read: before + elements + after
    bint transposed
    bint identity               # every window is one element, itself: nothing to fold
    const Py_ssize_t* source    # padded position -> element, -1 for none; NULL: constant padding
    const Py_ssize_t* images    # transposed with `source`: padded positions of element i are
    const Py_ssize_t* image0    # images[image0[i]:image0[i + 1]]
    const Py_ssize_t* start     # irregular: first element of each window; NULL if regular
    const Py_ssize_t* count     # irregular: number of elements
    const Py_ssize_t* origin    # irregular: first element of each window, transposed or not
    const Drawn* drawn          # planes have tables of their own, within these bounds; or NULL
    const double* size          # what a mean divides by, along this axis; NULL: always size0
    double size0
    const double* exist         # elements of each window that exist along this axis; NULL: exist0
    double exist0
    const double* weight        # of each tap, in weighted sums; NULL: 1


cdef struct Moved:
    # An array of which some planes, side by side in memory, are copied to be one after the other.
    Py_ssize_t strides[3]       # of the array
    Py_ssize_t n[3]             # elements of a plane
    Py_ssize_t pitch            # bytes from plane to plane
    Py_ssize_t at               # where they are in scratch
    int size                    # bytes of an element; 0: there is no such array


cdef struct Tile:
    # A box of the result in one plane, and the part of the source's rows that it reads.
    const char* x
    char* y
    char* q
    char* q2
    const char* mask
    Py_ssize_t d, d1, h0, h1, w0, w1, c0, nc
    Py_ssize_t h_lo, h_hi           # source rows
    Py_ssize_t w_lo, w_hi           # source elements along W (times nc)
    Py_ssize_t left, width          # w_lo stands at `left` of a line of `width` (times nc)
    Py_ssize_t beyond               # bytes behind the array that whole blocks of all rows take in
    bint safe                       # BLOCK bytes beyond each row's end may be read
    bint counted                    # how many elements of each window exist is at counts_at
    bint* doubtful                  # set by values that may be no windows' (see fold_one), or NULL


cdef struct Tap:
    # An element that a bin reads along an axis, and its weight. Samples that are not merged: an
    # element, and the weight of the one after it; that of the element is what is left to 1.
    Py_ssize_t at
    double weight


cdef struct Bins:
    # What the bins of boxes read along one axis: bin p of box k has the taps
    # tap[cut[k * count + p]:cut[k * count + p + 1]], and all of its box are in lo[k]:hi[k].
    Py_ssize_t n                # elements of the axis
    Py_ssize_t count            # bins of a box
    const Tap* tap
    const Py_ssize_t* cut
    const char* outside         # of each bin: whether it has samples outside, which are zeros
    const Py_ssize_t* lo
    const Py_ssize_t* hi


cdef struct Regions:
    # Boxes of planes. The plan's axes are then: images or boxes, rows, columns, channels.
    Py_ssize_t boxes
    Py_ssize_t images
    Py_ssize_t channels
    const Py_ssize_t* image     # of each box
    const Py_ssize_t* order     # the boxes of image i are order[begin[i]:begin[i + 1]]
    const Py_ssize_t* begin
    Bins rows
    Bins columns
    bint whole                  # all samples lie on elements


ctypedef void (*kernel_t)(const Plan*, Py_ssize_t, Py_ssize_t, char*) noexcept nogil
# int: What (kernels/load.pxi)
ctypedef void (*count_t)(const Plan*, const Tile*, int, char*) noexcept nogil


cdef struct Plan:
    # --- arrays: addresses, data types, strides in bytes of D, H, W and inner
    const char* x
    const char* x_end           # one past the last readable byte
    Py_ssize_t margin           # bytes beyond a row that may be read if they are before x_end
    char* y
    char* q                     # offsets inside windows, or NULL
    char* q2                    # int64 positions, or NULL
    const char* mask            # bool: which elements exist, or NULL for all
    int x_type, t_type, y_type, q_type
    int x_size, y_size, q_size  # bytes of an element
    bint x_swapped              # other byte order
    bint in_place               # rows of x can be folded where they are
    bint widened                # they are folded there from their own type (narrow.pxi)
    bint halved                 # by 2x2, to means of that type or extrema (halvings.pxi)
    bint pixelwise              # windows of channels are folded one by one (pixels.pxi)
    bint threes                 # windows of 3x3 go straight to it (threes.pxi)
    bint y_plain                # values that are folded are the result's
    bint y_scaled               # they are but for a division by one number for all
    Py_ssize_t xs[4]
    Py_ssize_t ys[4]
    Py_ssize_t qs[4]
    Py_ssize_t q2s[4]
    Py_ssize_t ms[4]
    # --- outer axes, which are never folded: one plane for each combination of their indices
    int outer_ndim
    Py_ssize_t planes
    Py_ssize_t outer[64]
    Py_ssize_t x_outer[64]
    Py_ssize_t y_outer[64]
    Py_ssize_t q_outer[64]
    Py_ssize_t m_outer[64]
    Py_ssize_t q2_outer[64]
    Py_ssize_t g_outer[64]
    # --- planes one by one, where each has its own windows: all else is the plan of one of them
    Py_ssize_t apart            # so many; 0: planes are alike
    int apart_ndim              # their axes are the first ones of `outer`
    const Plan* one             # in the plan of all: that of one plane, its kernel,
    kernel_t kernel
    Py_ssize_t tables_at        # and the room for its tables
    Py_ssize_t group            # > 0: planes that are side by side, copied together
    Moved moved_x, moved_mask, moved_y, moved_q, moved_q2
    # --- the plane: D, H, W and a contiguous inner axis
    Axis axis[3]
    Py_ssize_t inner
    Py_ssize_t plane_shape[3]   # of the unpadded input, for positions
    # --- what happens in load and store
    bint transposed
    bint omit_nan               # a NaN does not exist
    bint stacked                # planes of a window are folded together with its rows
    bint streamed               # rows come from memory, and are read in order before (boxes.pxi)
    bint tall                   # windows of many rows, one row apart
    bint flat                   # small planes: whole ones, several to a tile
    bint constant               # transposed: one window over all of each plane, which is W
    bint gathered               # transposed selection of small regular windows, tap by tap
    bint keyed                  # 16-bit floats are folded as integers in the same order (load.pxi)
    int16_t nan_key
    bint raise_nan              # report any NaN that a window reads
    bint mean                   # forward: divide on store; transposed: divide on load
    bint mean_masked            # the divisor is counted
    double divisor              # divisor_override, or 0
    # Means of bytes: v // divisor = v * factor >> 16; 0: not so. It is here because gcc multiplies
    # 16 bits as such only where it knows nothing else about them.
    uint16_t factor
    int64_t no_offset           # the offset of a window without existing elements
    Py_ssize_t digit[3]         # what a tap along D, H, W adds to an offset
    bint distances              # offsets are distances in the plane, not tap numbers
    bint fused                  # selection of few taps in rows of channels, all at once
    bint disjoint               # unpooling: windows do not overlap, and hold no padding
    # --- windows side by side (kernels/lanes.pxi)
    int kind, task
    double p, low               # the parameter; the least value, if `clamped`
    bint clamped
    bint lifted                 # sums of what elements are made into (kernels/lifts.pxi)
    double least, greatest      # ... the sizes of which are moderate
    bint zero_if_empty          # the value of a window without existing elements; else NaN
    char* gx                    # what slopes are added to: T, of x's shape; or NULL
    Py_ssize_t gs[4]
    Py_ssize_t logits           # bytes from an element to its logit
    bint by_logits              # slopes in them
    int learned                 # the parameter (LEARNING_OF)
    double alpha, eps           # of DETAIL, which compares elements with their surroundings at q
    bint one_sided              # ... only what is greater counts
    Py_ssize_t taps             # of a window
    Py_ssize_t together         # taps that are looked at at once
    Py_ssize_t lanes            # windows side by side
    Py_ssize_t parts            # ... or as many parts of each window
    Py_ssize_t pitch            # elements from one row of them to the next
    Py_ssize_t channels         # of a block that one thread adds slopes to
    # --- order statistics (kernels/order.pxi): p is the share or the cut
    int method
    Py_ssize_t rank
    bint selecting              # values are elements
    bint first_wins             # a tie of modes; else the least of them
    bint ignoring
    int64_t ignored             # the bytes of an element
    const unsigned char* network    # triples: two rows that are put in order, which of them count
    const unsigned char* sorting
    Py_ssize_t exchanges        # of `network`, for whole windows
    Py_ssize_t sort_steps         # of `sorting`, for any; 0: windows are looked at one by one
    Py_ssize_t square           # 3 or 5: the median of so many rows and columns, one apart
    bint small_mode             # of 2 x 2 or 2 x 2 x 2 integers, two apart
    Py_ssize_t band             # rows of the result that are made one after the other
    Py_ssize_t piece            # ... of so many windows
    Py_ssize_t spare_at, slopes_at, columns_at, keys_at
    # --- weighted sums (kernels/weighted.pxi)
    bint dense                  # weights of each channel at gx, not those of the axes
    Py_ssize_t tap_step         # bytes from the weight of a tap to that of the next one
    Py_ssize_t window           # taps; behind their weights is what is added to each sum
    Py_ssize_t phases           # that a line is taken apart to
    Py_ssize_t phase            # elements from one of them to the next
    Py_ssize_t taps_at, weights_at
    # --- tiles: boxes of the result, one after the other at absolute positions
    Py_ssize_t depth            # extent along D: 1, but for small planes
    Py_ssize_t tile[3]          # extent along H, W, inner
    Py_ssize_t tiles[3]
    Py_ssize_t strip            # tall: rows that are folded along at once
    Py_ssize_t chunk            # > 0: a row is loaded and folded in pieces of so many elements
    Py_ssize_t items            # planes * tiles along D * tiles
    # --- scratch of one thread: pitches in elements, offsets in bytes
    Py_ssize_t line             # of rows as wide as a tile reads
    Py_ssize_t row              # of rows as wide as a tile writes
    Py_ssize_t box_at, lines_at, rows_at, phases_at, levels_at, result_at, counts_at
    Py_ssize_t raw_at, flags_at, wide_at, entries_at, masks_at, divisors_at
    Py_ssize_t slides_at, starts_at, places_at, rest_at, stretches_at
    Py_ssize_t scratch
    int* failures
    count_t count               # counts what exists in the windows of a tile (sums.pyx)
    const Regions* regions      # boxes, where these are pooled (regions.pyx)


cdef inline bint divisor_is_constant(const Plan* g) noexcept nogil:
    """Whether all windows' sums are divided by the same."""
    return g.divisor != 0 or (
        g.axis[0].size == NULL and g.axis[1].size == NULL and g.axis[2].size == NULL)


cdef inline double constant_divisor(const Plan* g) noexcept nogil:
    if g.divisor != 0:
        return g.divisor
    return g.axis[0].size0 * g.axis[1].size0 * g.axis[2].size0


cdef inline bint is_moderate_factor(double p) noexcept nogil:
    """Whether it, and what it is multiplied by, are in the range of float32."""
    return 1e-30 < abs(p) < 1e30


cdef inline bint has_narrow_exponentials(const Plan* g) noexcept nogil:
    """Log-sum-exp of floats, with a result of no more digits: sums alone are doubles. The factor
    must be a float."""
    return g.kind == LOGARITHM and g.y_type != DOUBLE and is_moderate_factor(g.p)


cdef struct Kernels:
    # What the units of one instruction set provide.
    kernel_t fold[4]            # by Operation
    kernel_t select[2]          # MAX, MIN: the same with positions
    kernel_t scatter            # the transpose of select
    kernel_t unpool             # values to the positions that q2 holds
    kernel_t unpool_transposed
    kernel_t means
    kernel_t lift               # elements made into others, or added up at once (lifts.pxi)
    kernel_t order
    count_t count
    int block                   # bytes that may be read or written beyond a row of scratch
    kernel_t regions_mean       # boxes: the mean of samples, their maximum, and the transposes
    kernel_t regions_max
    kernel_t regions_spread
    kernel_t regions_scatter
    kernel_t weigh              # weighted sums
    bint avx512                 # given: whether they may use AVX-512 besides (elementary.h)


ctypedef void (*provide_t)(Kernels*) noexcept
