"""Windows against a direct enumeration of their definition, and as objects."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import random
import re

import numpy as np
import pytest

import cpool
from cpool import adaptive, sliding, whole

# numpy.pad has other names for what SciPy calls reflect and so on.
NUMPY_MODES = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}
MODES = ["constant", *NUMPY_MODES]


# --- the definition -------------------------------------------------------------------------------


def padded_axis(n, before, after, mode):
    """What stands at each position of a padded axis: an element, or None."""
    if mode == "constant":
        return [None] * before + list(range(n)) + [None] * after
    return np.pad(np.arange(n), (before, after), mode=NUMPY_MODES[mode]).tolist()


def starts_of(n, kernel, stride, before, after, dilation, ceil_mode):
    """Where windows begin on the padded axis, one after the other."""
    span, length = (kernel - 1) * dilation + 1, before + n + after
    starts = []
    for start in itertools.count(0, stride):
        # With ceil_mode also the first one that does not fit any more.
        if start + span > length and not (ceil_mode and start - stride + span < length):
            break
        starts.append(start)
    if starts and starts[-1] >= before + n:  # only with ceil_mode, or wholly in padding
        starts = starts[:-1] if ceil_mode else starts
    return starts


def same_padding(n, kernel, stride, dilation, lower):
    out = math.ceil(n / stride)
    total = max((out - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
    less, more = total // 2, total - total // 2
    return (more, less) if lower else (less, more)


class Axis:
    """All windows of one axis, element by element; `error` where there are none or empty ones."""

    def __init__(self, n, kernel, stride, before, after, dilation, ceil_mode, mode):
        line = padded_axis(n, before, after, mode)
        self.table, self.sizes, self.existing = [], [], []
        for start in starts_of(n, kernel, stride, before, after, dilation, ceil_mode):
            taps = [start + tap * dilation for tap in range(kernel)]
            read = [line[at] for at in taps if at < len(line)]
            self.table.append([element for element in read if element is not None])
            self.sizes.append(len(read))
            self.existing.append(len(self.table[-1]))
        self.error = not self.table or 0 in self.existing


def differences(windows, expected, n):
    """What is wrong with windows on an axis of n elements; an empty string if nothing is."""
    try:
        shape = windows.output_shape((n,))
    except ValueError as error:
        return "" if expected.error else f"{windows!r} on {n}: {error}"
    found = (
        windows.table((n,))[0],
        windows.sizes((n,))[0],
        windows.sizes((n,), count_include_pad=False)[0],
    )
    if expected.error:
        return f"{windows!r} on {n}: no error, but {found}"
    wanted = expected.table, expected.sizes, expected.existing
    if shape == (len(expected.table),) and found == wanted:
        return ""
    return f"{windows!r} on {n}: {shape}, {found}, expected {wanted}"


def assert_none(problems):
    problems = [problem for problem in problems if problem]
    assert not problems, f"{len(problems)} geometries are wrong:\n" + "\n".join(problems[:10])


@pytest.mark.parametrize("n", range(1, 11))
def test_every_geometry_with_constant_padding(n):
    def check(kernel, stride, before, after, dilation, ceil_mode):
        windows = sliding(kernel, stride, ((before, after),), dilation, ceil_mode)
        axis = Axis(n, kernel, stride, before, after, dilation, ceil_mode, "constant")
        return differences(windows, axis, n)

    bounds = range(1, 7), range(1, 6), range(6), range(6), range(1, 4), (False, True)
    assert_none(itertools.starmap(check, itertools.product(*bounds)))


@pytest.mark.parametrize("mode", NUMPY_MODES)
@pytest.mark.parametrize("n", range(1, 6))
def test_every_geometry_with_repeated_padding(n, mode):
    """Padding beyond the length of the axis too: there it goes on periodically."""

    def check(kernel, stride, before, after, dilation, ceil_mode):
        windows = sliding(kernel, stride, ((before, after),), dilation, ceil_mode, mode)
        axis = Axis(n, kernel, stride, before, after, dilation, ceil_mode, mode)
        return differences(windows, axis, n)

    paddings = (0, 1, 2, 5, 13)
    bounds = range(1, 5), range(1, 4), paddings, paddings, (1, 2), (False, True)
    assert_none(itertools.starmap(check, itertools.product(*bounds)))


@pytest.mark.parametrize("padding", ["same", "same_lower"])
@pytest.mark.parametrize("mode", MODES)
def test_every_geometry_with_same_padding(padding, mode):
    def check(n, kernel, stride, dilation, ceil_mode):
        windows = sliding(kernel, stride, padding, dilation, ceil_mode, mode)
        before, after = same_padding(n, kernel, stride, dilation, padding == "same_lower")
        # Whatever ceil_mode says.
        axis = Axis(n, kernel, stride, before, after, dilation, False, mode)
        axis.error = axis.error or len(axis.table) != math.ceil(n / stride)
        return differences(windows, axis, n)

    bounds = range(1, 9), range(1, 6), range(1, 6), range(1, 4), (False, True)
    assert_none(itertools.starmap(check, itertools.product(*bounds)))


def test_same_puts_the_odd_element_at_the_end():
    assert sliding(2, 1, "same").table((3,)) == [[[0, 1], [1, 2], [2]]]
    assert sliding(2, 1, "same_lower").table((3,)) == [[[0], [0, 1], [1, 2]]]


def test_every_adaptive_geometry():
    def check(n, m):
        bounds = [(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]
        expected = [list(range(start, stop)) for start, stop in bounds]
        windows, sizes = adaptive(m), [stop - start for start, stop in bounds]
        right = (
            windows.output_shape((n,)) == (m,)
            and windows.table((n,)) == [expected]
            and windows.sizes((n,)) == windows.sizes((n,), count_include_pad=False) == [sizes]
        )
        return "" if right else f"{windows!r} on {n}: {windows.table((n,))}"

    assert_none(itertools.starmap(check, itertools.product(range(1, 25), range(1, 31))))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_adaptive_with_none_and_whole(n):
    one_by_one, everything = [[i] for i in range(n)], [list(range(n))]
    assert adaptive(None).table((n,)) == [one_by_one]
    assert adaptive((None, 1)).table((n, n)) == [one_by_one, everything]
    assert whole().table((n,)) == [everything]
    assert whole().sizes((n, 3)) == [[n], [3]]
    assert whole().output_shape((n, n, n)) == (1, 1, 1)


def test_axes_are_independent():
    """Arguments for each axis are what they are for that axis alone, in the order given."""
    rng = random.Random(3)
    for _ in range(300):
        axes = rng.choice((1, 2, 3))
        shape = [rng.randint(1, 9) for _ in range(axes)]
        arguments = [
            [rng.randint(1, 4) for _ in range(axes)],
            [rng.randint(1, 4) for _ in range(axes)],
            [(rng.randint(0, 1), rng.randint(0, 1)) for _ in range(axes)],
            [rng.randint(1, 2) for _ in range(axes)],
        ]
        rest = rng.choice((False, True)), rng.choice(MODES)
        single = [sliding(*([a[i]] for a in arguments), *rest) for i in range(axes)]
        together = sliding(*arguments, *rest)
        try:
            expected = [w.table((n,))[0] for w, n in zip(single, shape, strict=True)]
        except ValueError:
            with pytest.raises(ValueError, match="kernel_size"):
                together.output_shape(shape)
            continue
        assert together.table(shape) == expected
        assert together.output_shape(shape) == tuple(map(len, expected))
        sizes = [w.sizes((n,))[0] for w, n in zip(single, shape, strict=True)]
        assert together.sizes(shape) == sizes


@pytest.mark.parametrize("mode", MODES)
def test_a_table_with_a_number_for_what_is_absent(mode):
    """Then entry t of a window is its tap t, and all windows are equally long."""
    rng = random.Random(4)
    for _ in range(300):
        n, kernel, stride, dilation = rng.randint(1, 8), *(rng.randint(1, 4) for _ in range(3))
        before, after = rng.randint(0, 5), rng.randint(0, 5)
        ceil_mode = rng.choice((False, True))
        windows = sliding(kernel, stride, ((before, after),), dilation, ceil_mode, mode)
        axis = Axis(n, kernel, stride, before, after, dilation, ceil_mode, mode)
        if axis.error:
            continue
        line = padded_axis(n, before, after, mode)
        starts = starts_of(n, kernel, stride, before, after, dilation, ceil_mode)
        taps = [[start + tap * dilation for tap in range(kernel)] for start in starts]
        read = [[line[at] if at < len(line) else None for at in each] for each in taps]
        expected = [[-1 if element is None else element for element in each] for each in read]
        assert windows.table((n,), absent=-1) == [expected]
    assert adaptive(3).table((7,), absent=-1) == adaptive(3).table((7,))
    assert adaptive(2).table((1,), absent=-1) == [[[0], [0]]]
    with pytest.raises(MemoryError, match="entries"):
        sliding(2**40, padding="same").table((5,), absent=-1)


# --- PyTorch --------------------------------------------------------------------------------------


def test_output_sizes_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def check(n, kernel, stride, padding, dilation, ceil_mode):
        windows = sliding(kernel, stride, padding, dilation, ceil_mode)
        x = torch.zeros(1, 1, n)
        try:
            theirs = functional.max_pool1d(x, kernel, stride, padding, dilation, ceil_mode)
        except RuntimeError:
            theirs = None
        try:
            ours = windows.output_shape((n,))
        except ValueError:
            ours = None
        if theirs is None:
            return "" if ours is None else f"{windows!r} on {n}: {ours}, PyTorch has an error"
        # A window between whose taps the whole axis lies is an error here, not there.
        axis = Axis(n, kernel, stride, padding, padding, dilation, ceil_mode, "constant")
        right = ours is None if 0 in axis.existing else ours == tuple(theirs.shape[2:])
        return "" if right else f"{windows!r} on {n}: {ours}, PyTorch has {tuple(theirs.shape[2:])}"

    cases = (
        (n, kernel, stride, padding, dilation, ceil_mode)
        for n, kernel, stride, dilation, ceil_mode in itertools.product(
            range(1, 9), range(1, 6), range(1, 5), (1, 2), (False, True)
        )
        for padding in range(kernel // 2 + 1)
    )
    assert_none(itertools.starmap(check, cases))


def test_adaptive_windows_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    for n, m in itertools.product(range(1, 13), range(1, 15)):
        # Row i is 1 at element i, so that its mean in a window is positive where i belongs to it.
        means = torch.nn.functional.adaptive_avg_pool1d(torch.eye(n)[None], m)[0].numpy()
        assert adaptive(m).table((n,))[0] == [np.flatnonzero(column).tolist() for column in means.T]


# --- sizes up to the limits of 64 bits ------------------------------------------------------------


def test_large_geometry_is_exact_or_refused():
    """Against Python's unbounded integers: output sizes never wrap around."""
    rng = random.Random(5)

    def size(least, bits=62):
        return max(least, rng.getrandbits(rng.randint(0, bits)))

    served = 0
    for _ in range(20000):
        n, kernel, stride, dilation = size(1), size(1), size(1), size(1, 40)
        before, after = (size(0), size(0)) if rng.random() < 0.3 else (0, 0)
        if before:
            dilation = 1
        ceil_mode = rng.random() < 0.5
        span, length = (kernel - 1) * dilation + 1, before + n + after
        count = -(-(length - span) // stride) if ceil_mode else (length - span) // stride
        count += 1
        if ceil_mode and (count - 1) * stride >= n + before:
            count -= 1
        refused = (
            span >= 2**62
            or length >= 2**62
            or count < 1
            or (count - 1) * stride >= before + n
            or before >= kernel + (before == 0)
        )
        windows = sliding(kernel, stride, ((before, after),), dilation, ceil_mode)
        if refused:
            with pytest.raises(ValueError, match=f"kernel_size {kernel}"):
                windows.output_shape((n,))
        else:
            served += 1
            assert windows.output_shape((n,)) == (count,), f"{windows!r} on {n}"
    assert served > 2000


def test_same_padding_of_large_sizes():
    n = 2**61 + 1
    assert sliding(2, 2, "same").output_shape((n,)) == (2**60 + 1,)
    assert sliding(2**60, 3, "same").output_shape((n,)) == (-(-n // 3),)
    assert sliding(2**60, 2**61, "same").output_shape((n,)) == (2,)
    assert adaptive(3).output_shape((n,)) == (3,)
    assert adaptive(3).table((7,)) == [[[0, 1, 2], [2, 3, 4], [4, 5, 6]]]


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 3, "dilation": 2**61, "ceil_mode": True},
        {"kernel_size": 2**31, "dilation": 2**31 + 1},
        {"kernel_size": 2**61, "dilation": 2**61},
        {"kernel_size": 2, "padding": 2**61},
        {"kernel_size": 2, "padding": ((2**62 - 2, 0),)},
        {"kernel_size": 3, "dilation": 2**61, "padding": "same"},
        {"kernel_size": 2, "padding": 2**61, "padding_mode": "wrap"},
        {"kernel_size": 2**61, "padding": 2**60, "padding_mode": "reflect"},
    ],
)
def test_geometry_that_overflows(arguments):
    windows = sliding(**arguments)
    for method in (windows.output_shape, windows.table, windows.sizes):
        with pytest.raises(ValueError, match=r"kernel_size|padding"):
            method((5,))


def test_large_windows_cost_nothing_to_describe():
    """No loop over taps, padding or windows: each of these would take hours."""
    assert sliding(2**61, padding="same").table((5,)) == [[list(range(5))]]
    many = sliding(2**33, 1, ((2**33, 2**33),), 2)
    assert many.output_shape((2**34,)) == (2**34 + 2,)
    far = sliding(2**40, 2**39, 2**41, 3)
    with pytest.raises(ValueError, match="wholly"):
        far.output_shape((2,))
    with pytest.raises(MemoryError, match="entries"):
        sliding(2).sizes((2**61,))
    with pytest.raises(MemoryError, match="entries"):
        adaptive(1).table((2**61,))


# --- arguments ------------------------------------------------------------------------------------

NAMES = ["kernel_size", "stride", "padding", "dilation", "output_size"]
FLOATS = [2.0, np.float64(2), np.float32(2), np.array(2.0)]
NOT_INTEGERS = [*FLOATS, "2", b"2", None, True, np.True_, np.array(True), 1j, {2}, np.array([2])]


def make(name, value):
    return adaptive(value) if name == "output_size" else sliding(**{"kernel_size": 3, name: value})


@pytest.mark.parametrize("value", NOT_INTEGERS, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_integer_is_a_type_error(name, value):
    message = rf"^{name} must be an int or one int for each axis, got {re.escape(repr(value))}$"
    # By itself None is the default of two, and a str may be the name of a padding.
    if not (value is None and name in ("stride", "output_size")) and value != "2":
        with pytest.raises(TypeError, match=message):
            make(name, value)
    if not (value is None and name == "output_size"):
        with pytest.raises(TypeError, match=message):
            make(name, (2, value))
    with pytest.raises(TypeError, match=r"^input_shape must be a sequence of ints, got \(3, "):
        make(name, 1).output_shape((3, value))


@pytest.mark.parametrize("kind", [int, np.int8, np.uint64, np.intp, np.array])
def test_every_integer_is_the_same_integer(kind):
    windows = sliding(kind(3), (kind(2), kind(1)), ((kind(1), kind(0)), kind(1)), [kind(1), 1])
    assert windows == sliding(3, (2, 1), ((1, 0), (1, 1)), 1)
    assert hash(windows) == hash(sliding(3, (2, 1), ((1, 0), (1, 1)), 1))
    assert all(type(value) is int for value in windows.kernel_size + windows.stride)
    assert adaptive((kind(3), None)) == adaptive((3, None))
    assert windows.output_shape((kind(9), kind(9))) == windows.output_shape((9, 9))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [2**62, 2**63 - 1, 2**63, 2**64, 10**40])
def test_beyond_the_limit(name, value):
    message = rf"^{name} must be less than 2\*\*62, got {value}$"
    with pytest.raises(ValueError, match=message):
        make(name, value)
    with pytest.raises(ValueError, match=message):
        make(name, (1, value))
    with pytest.raises(ValueError, match=rf"^{name} must be at least \d, got -{value}$"):
        make(name, -value)
    with pytest.raises(ValueError, match=rf"^input_shape must be less than 2\*\*62, got {value}$"):
        make(name, 1).output_shape((value,))


@pytest.mark.parametrize("shape", [(), (4, 4, 4, 4)])
@pytest.mark.parametrize("windows", [sliding(2), adaptive(2), whole()], ids=repr)
def test_number_of_axes(windows, shape):
    for method in (windows.output_shape, windows.table, windows.sizes):
        with pytest.raises(ValueError, match=r"^input_shape must have 1 to 3 entries, got"):
            method(shape)


def test_properties():
    windows = sliding((3, 2), padding=((1, 0), 1), ceil_mode=np.True_, padding_mode="wrap")
    assert windows.ndim == 2
    assert (windows.kernel_size, windows.stride, windows.dilation) == ((3, 2), (3, 2), (1, 1))
    assert windows.padding == ((1, 0), (1, 1))
    assert windows.ceil_mode is True
    assert windows.padding_mode == "wrap"
    assert sliding(3, padding="same").padding == "same"
    assert sliding(3, padding="same_lower").padding == "same_lower"
    assert sliding(3, padding="valid").padding == 0
    assert (sliding(3).ndim, adaptive(3).ndim, whole().ndim) == (None, None, None)
    assert adaptive((3, None)).ndim == 2
    assert adaptive((3, None)).output_size == (3, None)
    assert adaptive(3).output_size == 3
    assert adaptive(None).output_size is None


# --- objects --------------------------------------------------------------------------------------

WINDOWS = [
    sliding(2),
    sliding(3),
    sliding(2, 3),
    sliding((2,)),
    sliding((2, 2)),
    sliding((2, 2, 2)),
    sliding(2, (1, 2)),
    sliding(2, padding=1),
    sliding(2, padding=((1, 0),)),
    sliding(2, padding=((0, 1),)),
    sliding((3, 3), padding=((2, 1), 0), dilation=(1, 2)),
    sliding(2, padding="same"),
    sliding(2, padding="same_lower"),
    sliding(2, dilation=2),
    sliding(2, ceil_mode=True),
    *(sliding(2, padding=1, padding_mode=mode) for mode in NUMPY_MODES),
    sliding(2**61, 2**60, 2**59, 3),
    adaptive(2),
    adaptive(None),
    adaptive((2, None)),
    adaptive((2, 3, 4)),
    adaptive((None,)),
    whole(),
]


@pytest.mark.parametrize("windows", WINDOWS, ids=repr)
def test_repr_pickle_and_copy_give_an_equal_one(windows):
    copies = [
        eval(repr(windows), {"sliding": sliding, "adaptive": adaptive, "whole": whole}),
        *(pickle.loads(pickle.dumps(windows, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy(windows),
        copy.deepcopy(windows),
    ]
    for other in copies:
        assert isinstance(other, cpool.Windows)
        assert other == windows
        assert (other != windows) is False
        assert hash(other) == hash(windows)
        assert repr(other) == repr(windows)


def test_different_ones_are_not_equal():
    assert len(set(WINDOWS)) == len(WINDOWS)
    for a, b in itertools.combinations(WINDOWS, 2):
        assert a != b
    assert sliding(2) != 2
    assert sliding(2) != "sliding(2, stride=2)"
    assert whole() is not None


def test_equal_ones_said_differently():
    assert sliding(2) == sliding(2, 2, 0, 1, False, "constant") == sliding(2, padding="valid")
    assert sliding((2, 2), 2, 1) == sliding(2, (2, 2), (1, 1)) == sliding([2, 2], 2, [[1, 1], 1])
    assert {sliding((2, 2)): "found"}[sliding((2, 2), 2)] == "found"


def test_repr_says_what_is_not_the_default():
    assert repr(sliding(2)) == "sliding(2, stride=2)"
    assert repr(sliding((3, 3), 2, 1)) == "sliding((3, 3), stride=(2, 2), padding=(1, 1))"
    assert repr(sliding(3, padding=((0, 1),))) == "sliding((3,), stride=(3,), padding=((0, 1),))"
    assert repr(adaptive((7, None))) == "adaptive((7, None))"
    assert repr(whole()) == "whole()"


@pytest.mark.parametrize("windows", [sliding((3, 3)), adaptive((2, 2)), whole()], ids=repr)
def test_immutable(windows):
    before = repr(windows), hash(windows)
    for name in ("kernel_size", "stride", "padding", "ndim", "output_size", "new", "__class__"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(windows, name, 1)
        with pytest.raises((AttributeError, TypeError)):
            delattr(windows, name)
    assert (repr(windows), hash(windows)) == before


def test_arguments_are_copied():
    kernel, padding = [3, 3], [[1, 0], 1]
    windows, fixed = sliding(kernel, padding=padding), adaptive(kernel)
    shape, output = windows.output_shape((9, 9)), fixed.output_shape((9, 9))
    kernel[0] = padding[0][0] = 7
    table = windows.table((9, 9))
    table[0][0].clear()
    assert windows.output_shape((9, 9)) == shape
    assert fixed.output_shape((9, 9)) == output
    assert windows.table((9, 9)) != table


def test_made_only_by_the_functions():
    message = r"^windows are made by sliding, adaptive, fractional or whole$"
    drawn = type(cpool.fractional(2, 3))
    for kind in (cpool.Windows, type(sliding(2)), type(adaptive(2)), drawn, type(whole())):
        with pytest.raises(TypeError, match=message):
            kind()
    assert drawn.__new__(drawn).table((3,)) == [[[0, 1, 2]]]
    # Nor does going behind __init__ give windows that read anything wrong.
    assert type(sliding(2)).__new__(type(sliding(2))).output_shape((5, 5)) == (5, 5)
