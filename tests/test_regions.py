"""Boxes of planes: roi_align and roi_pool, against the reference, ONNX Runtime and torchvision."""

from __future__ import annotations

import time

import numpy as np
import pytest

import cpool
from cpool import reference

try:
    import ml_dtypes
except ImportError:
    BFLOAT = []
else:
    BFLOAT = [np.dtype(ml_dtypes.bfloat16)]

MODES = [
    {"sampling_ratio": ratio, "aligned": aligned, "reduction": reduction}
    for ratio in (-1, 1, 2, 3)
    for aligned in (False, True)
    for reduction in ("mean", "max")
]
CASES = [("roi_align", mode) for mode in MODES] + [("roi_pool", {})]
#: Images, channels, rows and columns: less and more than a block of channels or a vector.
SHAPES = [(1, 1, 1, 1), (2, 3, 9, 5), (3, 16, 4, 21), (1, 18, 30, 40)]


def example(shape, dtype="f8", seed=0, last=False):
    n, c, h, w = shape
    rng = np.random.default_rng(seed)
    shape = (n, h, w, c) if last else shape
    return (rng.standard_normal(shape) * 10).astype(dtype)


def boxes_of(shape, count=5, dtype="f8", seed=1):
    """Some inside, some across the border, some far away, some inverted."""
    rng = np.random.default_rng(seed)
    n, _, h, w = shape
    corners = rng.uniform(-0.4, 1.4, (count, 4)) * [w, h, w, h]
    corners[: count // 2] = np.sort(corners[: count // 2].reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    corners[-1:] += 3 * max(h, w)
    return np.column_stack([rng.integers(0, n, count), corners]).astype(dtype)


def tolerance(dtype):
    name = np.dtype(dtype).name
    return {"float16": 1e-2, "bfloat16": 1e-1, "float32": 2e-5}.get(name, 1e-11)


def assert_close(actual, expected, atol):
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(
        actual.astype("f8"), expected.astype("f8"), rtol=atol / 10, atol=atol
    )


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name, mode", CASES, ids=str)
def test_as_the_reference(name, mode, shape, last):
    for i, (size, scale) in enumerate([((2, 3), 1.0), (1, 0.5), ((7, 4), 1.3)]):
        arguments = (example(shape, last=last), boxes_of(shape, seed=i), size, scale)
        actual = getattr(cpool, name)(*arguments, channels_last=last, **mode)
        expected = getattr(reference, name)(*arguments, channels_last=last, **mode)
        assert_close(actual, expected, 1e-11)


@pytest.mark.parametrize("dtype", ["f4", "f2", *BFLOAT, ">f4", ">i2", "u1", "i8", "u8", "?"])
@pytest.mark.parametrize("name, mode", [CASES[4], CASES[-2], CASES[-1]], ids=str)
def test_types(name, mode, dtype):
    shape = (2, 5, 8, 9)
    x = np.abs(example(shape)).astype(dtype)
    boxes = boxes_of(shape)
    actual = getattr(cpool, name)(x, boxes, 3, **mode)
    assert_close(actual, getattr(reference, name)(x, boxes, 3, **mode), tolerance(actual.dtype))
    y, pullback = cpool.vjp(getattr(cpool, name), x, boxes, 3, **mode)
    assert y.tobytes() == actual.tobytes()
    floating = np.dtype(dtype).kind not in "iub"
    assert pullback(y).dtype == (np.dtype(dtype).newbyteorder("=") if floating else np.float64)


def test_large_integers_are_exact():
    for dtype in ("i8", "u8"):
        x = np.arange(2**62, 2**62 + 16, dtype=dtype).reshape(1, 1, 4, 4)
        y = cpool.roi_pool(x, [[0, 0, 0, 3, 3]], (2, 2))
        assert y.tolist() == [[[[2**62 + 5, 2**62 + 7], [2**62 + 13, 2**62 + 15]]]]
        assert y.dtype == dtype
    x = np.full((1, 1, 2, 2), -(2**62) - 1)
    assert cpool.roi_pool(x, [[0, 0, 0, 1, 1]], 1).item() == -(2**62) - 1


@pytest.mark.parametrize("name, mode", [CASES[0], CASES[-2], CASES[-1]], ids=str)
def test_strides(name, mode):
    """Any layout has the same bits, and nothing is written to."""
    shape = (2, 19, 11, 13)
    x, boxes = example(shape, "f4"), boxes_of(shape, 7)
    function = getattr(cpool, name)
    expected, pullback = cpool.vjp(function, x, boxes, (3, 2), **mode)
    gx = pullback(expected)
    offset = np.zeros(x.nbytes + 1, np.uint8)[1:].view("f4").reshape(shape)
    offset[...] = x
    wide = np.zeros((2, 19, 22, 26), "f4")
    wide[:, :, ::2, ::2] = x
    layouts = {
        "channels innermost": np.ascontiguousarray(np.moveaxis(x, 1, 3)).transpose(0, 3, 1, 2),
        "reversed": np.ascontiguousarray(x[::-1, ::-1, ::-1, ::-1])[::-1, ::-1, ::-1, ::-1],
        "columns before rows": np.ascontiguousarray(x.swapaxes(2, 3)).swapaxes(2, 3),
        "every second": wide[:, :, ::2, ::2],
        "misaligned": offset,
        "other byte order": x.astype(">f4"),
        "repeated": np.broadcast_to(x[:1], shape),
    }
    for text, array in layouts.items():
        array.flags.writeable = False
        if text == "repeated":
            expected, pullback = cpool.vjp(function, np.array(array), boxes, (3, 2), **mode)
            gx = pullback(expected)
        y, back = cpool.vjp(function, array, boxes, (3, 2), **mode)
        assert y.tobytes() == expected.tobytes(), text
        assert back(y).tobytes() == gx.tobytes(), text
        gy = np.repeat(y, 2, axis=3).astype(">f8")[..., ::2]
        assert back(gy).tobytes() == gx.tobytes(), text


@pytest.mark.parametrize("name, mode", [CASES[0], CASES[-2], CASES[-1]], ids=str)
def test_channels_last_has_the_same_bits(name, mode):
    shape = (2, 35, 11, 13)
    x, boxes = example(shape, "f4"), boxes_of(shape, 7)
    last = np.ascontiguousarray(np.moveaxis(x, 1, 3))
    function = getattr(cpool, name)
    y, pullback = cpool.vjp(function, x, boxes, 3, **mode)
    y_last, pullback_last = cpool.vjp(function, last, boxes, 3, channels_last=True, **mode)
    assert np.array_equal(np.moveaxis(y, 1, 3), y_last)
    assert np.array_equal(np.moveaxis(pullback(y), 1, 3), pullback_last(y_last))


def test_forms_of_boxes():
    x = example((2, 3, 8, 8))
    rows = [[1, 0.5, 1, 4, 6], [0, 2, 2, 5, 7], [1, 0, 0, 3, 3]]
    y = cpool.roi_align(x, np.array(rows), 2)
    assert np.array_equal(cpool.roi_align(x, rows, 2), y)
    assert np.array_equal(cpool.roi_align(x, tuple(map(tuple, rows)), 2), y)
    by_image = [np.array(rows)[1:2, 1:], np.array(rows)[[0, 2], 1:]]
    assert np.array_equal(cpool.roi_align(x, by_image, 2), y[[1, 0, 2]])
    assert np.array_equal(cpool.roi_align(x, [b.tolist() for b in by_image], 2), y[[1, 0, 2]])
    assert np.array_equal(cpool.roi_pool(x, [[], by_image[1]], 2), cpool.roi_pool(x, rows, 2)[::2])
    for nothing in ([], np.zeros((0, 5)), [[], np.zeros((0, 4))]):
        for last in (False, True):
            shape = (0, 2, 4, 8) if last else (0, 3, 2, 4)
            assert cpool.roi_align(x, nothing, (2, 4), channels_last=last).shape == shape
    gx = cpool.vjp(cpool.roi_align, x, [], 2)[1](np.zeros((0, 3, 2, 2)))
    assert np.array_equal(gx, np.zeros(x.shape))


def test_empty():
    for function in (cpool.roi_align, cpool.roi_pool):
        assert function(np.zeros((0, 3, 4, 4)), [], 2).shape == (0, 3, 2, 2)
        y, pullback = cpool.vjp(function, np.zeros((2, 0, 4, 4)), [[1, 0, 0, 2, 2]], (2, 3))
        assert y.shape == (1, 0, 2, 3)
        assert pullback(y).shape == (2, 0, 4, 4)
        with pytest.raises(ValueError, match=r"x must not be empty along H or W"):
            function(np.zeros((1, 3, 0, 4)), [[0, 0, 0, 2, 2]], 2)


# --- odd boxes ------------------------------------------------------------------------------------


def test_boxes_outside_are_zero():
    x = example((1, 2, 6, 6)) + 100
    for box in ([20, 1, 25, 4], [1, -30, 4, -20], [-9, -9, -8, -8], [2**29, 0, 2**29 + 9, 4]):
        for mode in MODES:
            y, pullback = cpool.vjp(cpool.roi_align, x, [[0, *box]], 2, **mode)
            assert np.array_equal(y, np.zeros((1, 2, 2, 2)))
            assert not pullback(np.ones_like(y)).any()
        y, pullback = cpool.vjp(cpool.roi_pool, x, [[0, *box]], 2)
        assert np.array_equal(y, np.zeros((1, 2, 2, 2)))
        assert not pullback(np.ones_like(y)).any()


def test_samples_outside_are_zeros_that_count():
    x = np.full((1, 1, 4, 4), -8.0)
    box = [[0, -6, 0, 2, 2]]
    assert cpool.roi_align(x, box, 1, sampling_ratio=2).item() == -4
    assert cpool.roi_align(x, box, 1, sampling_ratio=2, reduction="max").item() == 0
    y, pullback = cpool.vjp(cpool.roi_align, x, box, 1, sampling_ratio=2, reduction="max")
    assert (y.item(), pullback(y).any()) == (0, False)
    x[0, 0, 0, 0] = np.nan
    assert np.isnan(cpool.roi_align(x, box, 1, sampling_ratio=2, reduction="max"))


def test_inverted_boxes():
    """Aligned, a box is sampled backwards; else it is one element wide, as one of no size is."""
    x = example((1, 2, 9, 9))
    there, back = [[0, 1, 2, 7, 6]], [[0, 7, 6, 1, 2]]
    y = cpool.roi_align(x, there, 3, sampling_ratio=2, aligned=True)
    z = cpool.roi_align(x, back, 3, sampling_ratio=2, aligned=True)
    np.testing.assert_allclose(z, y[:, :, ::-1, ::-1], atol=1e-12)
    assert not cpool.roi_align(x, back, 3, aligned=True).any()
    assert not cpool.roi_align(x, [[0, 3, 3, 3, 3]], 3, aligned=True).any()
    for function in (cpool.roi_align, cpool.roi_pool):
        assert np.array_equal(function(x, back, 1), function(x, [[0, 7, 6, 7, 6]], 1))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_large_boxes_take_no_longer_than_their_image(dtype, reduction):
    x = example((1, 2, 20, 30))
    box = np.array([[0, -4e8, -5e8, 6e8, 5e8], [0, -1e9, 0, 1e9, 20]], dtype)
    begin = time.perf_counter()
    y = cpool.roi_align(x, box, 3, reduction=reduction)
    cpool.roi_pool(x, box, 3)
    cpool.roi_align(x, box, 3, sampling_ratio=1024)
    assert time.perf_counter() - begin < 2
    assert np.isfinite(y).all()
    assert not y[0, :, 0].any()


def test_samples_of_large_boxes_are_all_found():
    """Where not all are gone through, too: nothing is left out."""
    x = example((1, 2, 12, 40))
    for dtype in ("f4", "f8"):
        box = np.array([[0, -1500.3, -3, 1700.3, 9], [0, -5100.7, 1, 30.9, 2]], dtype)
        for mode in ({"aligned": True}, {"reduction": "max"}):
            expected = reference.roi_align(x, box, (2, 1), **mode)
            assert_close(cpool.roi_align(x, box, (2, 1), **mode), expected, 1e-9)


def test_elements_of_no_weight_are_not_read():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2] = x[0, 0, :, 3] = np.nan
    # Samples are elements 0 and 1 along both axes.
    for reduction in ("mean", "max"):
        y = cpool.roi_align(x, [[0, 0, 0, 2, 2]], 2, aligned=True, reduction=reduction)
        assert np.array_equal(y, np.zeros((1, 1, 2, 2)))
    x[0, 0, 0, 0] = np.inf
    assert cpool.roi_align(x, [[0, 0, 0, 2, 2]], 1, aligned=True).item() == np.inf


def test_nan_is_larger_than_everything():
    x = example((1, 1, 6, 6))
    x[0, 0, 1, 2], x[0, 0, 1, 1], x[0, 0, 5, 5] = np.nan, np.inf, -np.inf
    y, pullback = cpool.vjp(cpool.roi_pool, x, [[0, 0, 0, 5, 5]], (2, 2))
    assert np.isnan(y[0, 0, 0, 0])
    assert np.isfinite(y[0, 0, 1]).all()
    assert pullback(np.ones_like(y))[0, 0, 1, 2] == 1
    x[...] = -np.inf
    y, pullback = cpool.vjp(cpool.roi_pool, x, [[0, 0, 0, 5, 5]], 1)
    assert (y.item(), pullback(np.ones_like(y))[0, 0, 0, 0]) == (-np.inf, 1)


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 6, 5), (1, 17, 9, 10)], ids=str)
@pytest.mark.parametrize("name, mode", CASES, ids=str)
def test_gradient(name, mode, shape, last):
    """Along a random direction, by central differences: exact for what is linear piece by piece."""
    x, boxes = example(shape, last=last), boxes_of(shape, 6)
    function = getattr(cpool, name)
    y, pullback = cpool.vjp(function, x, boxes, (3, 2), 0.9, channels_last=last, **mode)
    gy = np.random.default_rng(3).standard_normal(y.shape)
    gx = pullback(gy)
    assert (gx.shape, gx.dtype) == (x.shape, x.dtype)
    step = 1e-6 * np.random.default_rng(4).standard_normal(x.shape)
    ends = [function(x + s, boxes, (3, 2), 0.9, channels_last=last, **mode) for s in (step, -step)]
    difference = ((ends[0] - ends[1]) * gy).sum() / 2
    assert difference == pytest.approx((gx * step).sum(), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("dtype", ["f2", *BFLOAT])
def test_16_bit_gradients_are_added_in_float32(dtype):
    x = np.zeros((1, 2, 4, 4), dtype)
    boxes = [[0, 0, 0, 3, 3]] * 3000
    for function in (cpool.roi_align, cpool.roi_pool):
        y, pullback = cpool.vjp(function, x, boxes, 1)
        total = pullback(np.ones_like(y)).astype("f8").sum()
        assert total == pytest.approx(6000, rel=5e-3)


def test_the_first_of_equals_gets_the_gradient():
    y, pullback = cpool.vjp(cpool.roi_pool, np.ones((1, 1, 4, 4)), [[0, 1, 1, 2, 2]], 1)
    assert np.argwhere(pullback(y)[0, 0]).tolist() == [[1, 1]]


def test_pullbacks_keep_what_they_need():
    for function in (cpool.roi_align, cpool.roi_pool):
        x, boxes = example((2, 3, 8, 8)), boxes_of((2, 3, 8, 8))
        y, pullback = cpool.vjp(function, x, boxes, 2)
        before = pullback(y)
        x[...], boxes[...] = 0, 0
        assert np.array_equal(pullback(y), before)
        with pytest.raises(ValueError, match="gy must have the result's shape"):
            pullback(y[0])


@pytest.mark.parametrize("name, mode", [CASES[0], CASES[-2], CASES[-1]], ids=str)
@pytest.mark.parametrize("last", [False, True])
def test_same_bits_for_any_number_of_threads(name, mode, last):
    shape = (3, 40, 30, 33)
    x, boxes = example(shape, "f4", last=last), boxes_of(shape, 40, "f4")
    found = []
    for n in (1, 2, 3, 8):
        with cpool.num_threads(n):
            y, pullback = cpool.vjp(
                getattr(cpool, name), x, boxes, 5, channels_last=last, **mode
            )
            z = getattr(cpool, name)(x, boxes, 5, channels_last=last, **mode)
            assert z.tobytes() == y.tobytes()
            found.append((y.tobytes(), pullback(y).tobytes()))
    assert found.count(found[0]) == 4


# --- other libraries ------------------------------------------------------------------------------


def upright(boxes):
    """The others fail where inverted boxes say how many samples there are."""
    x1, y1, x2, y2 = boxes[:, 1:].T
    low, high = (np.minimum(x1, x2), np.minimum(y1, y2)), (np.maximum(x1, x2), np.maximum(y1, y2))
    return np.column_stack([boxes[:, 0], *low, *high])


def ort_session(mode, transformation, ratio):
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    floats, ints = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    node = onnx.helper.make_node(
        "RoiAlign", ["x", "boxes", "images"], ["y"], mode=mode, output_height=3, output_width=4,
        sampling_ratio=ratio, spatial_scale=0.5, coordinate_transformation_mode=transformation,
    )  # fmt: skip
    value = onnx.helper.make_tensor_value_info
    inputs = [value("x", floats, [None] * 4), value("boxes", floats, [None, 4]),
              value("images", ints, [None])]  # fmt: skip
    graph = onnx.helper.make_graph([node], "roi", inputs, [value("y", floats, None)])
    opset = [onnx.helper.make_opsetid("", 16)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("ratio", [0, 1, 2, 3])
@pytest.mark.parametrize("aligned", [False, True])
def test_as_onnx_runtime(aligned, ratio):
    session = ort_session("avg", "half_pixel" if aligned else "output_half_pixel", ratio)
    shape = (3, 17, 20, 25)
    x, boxes = example(shape, "f4"), boxes_of(shape, 60, "f4")
    boxes[:, 1:] *= 2
    if aligned and ratio == 0:
        boxes = upright(boxes)
    feed = {"x": x, "boxes": boxes[:, 1:].copy(), "images": boxes[:, 0].astype("i8")}
    actual = cpool.roi_align(x, boxes, (3, 4), 0.5, ratio, aligned)
    assert_close(actual, session.run(None, feed)[0], 2e-5)


def test_the_maximum_of_onnx_is_another():
    """Of weighted corners, not of the samples; the same where each sample is an element."""
    session = ort_session("max", "half_pixel", 1)
    x = np.abs(example((1, 3, 20, 25), "f4"))
    for box, same in (([4, 4, 20, 16], False), ([4, 4, 12, 10], True)):
        if same:
            box = [2, 2, 10, 8]  # bins are one element long, and their centres elements
        feed = {"x": x, "boxes": np.array([box], "f4"), "images": np.zeros(1, "i8")}
        actual = cpool.roi_align(x, [[0, *box]], (3, 4), 0.5, 1, True, reduction="max")
        assert np.allclose(actual, session.run(None, feed)[0], atol=1e-5) == same


@pytest.fixture
def ops():
    pytest.importorskip("torch")
    return pytest.importorskip("torchvision.ops", exc_type=Exception)


@pytest.mark.parametrize("ratio", [-1, 1, 2, 3])
@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_align_as_torchvision(ops, dtype, aligned, ratio):
    import torch

    shape = (3, 17, 20, 25)
    x, boxes = example(shape, dtype), boxes_of(shape, 60, dtype)
    if aligned and ratio == -1:
        boxes = upright(boxes)
    theirs = torch.tensor(x, requires_grad=True)
    expected = ops.roi_align(theirs, torch.tensor(boxes), (3, 4), 0.7, ratio, aligned)
    y, pullback = cpool.vjp(cpool.roi_align, x, boxes, (3, 4), 0.7, ratio, aligned)
    assert_close(y, expected.detach().numpy(), tolerance(dtype))
    expected.backward(torch.tensor(y))
    assert_close(pullback(y), theirs.grad.numpy(), 30 * tolerance(dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_pool_as_torchvision(ops, dtype):
    import torch

    shape = (3, 17, 40, 55)
    x, boxes = example(shape, dtype), boxes_of(shape, 60, dtype)
    theirs = torch.tensor(x, requires_grad=True)
    expected = ops.roi_pool(theirs, torch.tensor(boxes), (7, 6), 0.7)
    y, pullback = cpool.vjp(cpool.roi_pool, x, boxes, (7, 6), 0.7)
    assert np.array_equal(y, expected.detach().numpy())
    expected.backward(torch.tensor(y))
    assert_close(pullback(y), theirs.grad.numpy(), 10 * tolerance(dtype))


# --- errors ---------------------------------------------------------------------------------------

IMAGE = np.zeros((2, 3, 5, 5))
BOX = [[0, 0, 0, 2, 2]]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((IMAGE[0], BOX, 2), ValueError, r"x must have the 4 axes \(N, C, H, W\), got shape"),
        ((IMAGE + 1j, BOX, 2), TypeError, "x must be of a real type"),
        ((np.ma.array(IMAGE), BOX, 2), TypeError, "x is a masked array"),
        ((IMAGE, np.ma.array(BOX), 2), TypeError, "boxes is a masked array"),
        ((IMAGE, [["a"] * 5], 2), TypeError, "boxes must be of a real type"),
        ((IMAGE, np.zeros((3, 4)), 2), ValueError, r"boxes must have the shape \(K, 5\)"),
        ((IMAGE, np.zeros((2, 3, 4)), 2), ValueError, r"boxes must have the shape \(K, 5\)"),
        ((IMAGE, 3.0, 2), ValueError, r"boxes must have the shape \(K, 5\)"),
        ((IMAGE, [np.zeros((3, 4))], 2), ValueError, "a list of an array for each of 2 images"),
        ((IMAGE, [np.zeros((3, 5))] * 2, 2), ValueError, r"boxes\[0\] must have the shape"),
        ((IMAGE, [[2, 0, 0, 1, 1]], 2), ValueError, "an integer from 0 to 1, got 2"),
        ((IMAGE, [[-1, 0, 0, 1, 1]], 2), ValueError, "an integer from 0 to 1, got -1"),
        ((IMAGE, [[0.5, 0, 0, 1, 1]], 2), ValueError, "an integer from 0 to 1, got 0.5"),
        ((IMAGE, [[np.nan, 0, 0, 1, 1]], 2), ValueError, "an integer from 0 to 1, got nan"),
        ((IMAGE, [[0, 0, np.nan, 1, 1]], 2), ValueError, "boxes must be finite"),
        ((IMAGE, [[0, 0, 0, np.inf, 1]], 2), ValueError, "boxes must be finite"),
        ((IMAGE, [[0, 0, 0, 1e300, 1]], 2), ValueError, "boxes must be finite"),
        ((IMAGE, np.array([[0, 0, 0, 3e38, 1]], "f4"), 2, 1e9), ValueError, "must be finite"),
        ((IMAGE, BOX, 0), ValueError, "output_size must be from 1"),
        ((IMAGE, BOX, (2, 2, 2)), ValueError, "output_size must be an int or two"),
        ((IMAGE, BOX, 2.0), TypeError, "output_size must be an int or two"),
        ((IMAGE, BOX, True), TypeError, "output_size must be an int or two"),
        ((IMAGE, BOX, 2, 0.0), ValueError, "spatial_scale must be positive and finite"),
        ((IMAGE, BOX, 2, np.nan), ValueError, "spatial_scale must be positive and finite"),
        ((IMAGE, BOX, 2, "1"), TypeError, "spatial_scale must be a real number"),
    ],
)
def test_errors(arguments, error, message):
    for function in (cpool.roi_align, cpool.roi_pool):
        with pytest.raises(error, match=message):
            function(*arguments)
        with pytest.raises(error, match=message):
            cpool.vjp(function, *arguments)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"sampling_ratio": -2}, ValueError, "sampling_ratio must be -1 or 0"),
        ({"sampling_ratio": 1025}, ValueError, "sampling_ratio must be -1 or 0"),
        ({"sampling_ratio": 2.0}, TypeError, "sampling_ratio must be an int"),
        ({"aligned": 1}, TypeError, "aligned must be"),
        ({"channels_last": "yes"}, TypeError, "channels_last must be"),
        ({"reduction": "sum"}, ValueError, 'reduction must be "mean" or "max"'),
        ({"reduction": None}, TypeError, 'reduction must be "mean" or "max"'),
    ],
)
def test_errors_of_options(options, error, message):
    with pytest.raises(error, match=message):
        cpool.roi_align(IMAGE, BOX, 2, **options)
    with pytest.raises(error, match=message):
        cpool.vjp(cpool.roi_align, IMAGE, BOX, 2, **options)
