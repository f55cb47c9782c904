"""PyTorch and ONNX Runtime, where they are installed: they and cpool agree wherever they should."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from operators import RANKS, RUN_SLOW, assert_equal

import cpool

TRIALS = 40 if RUN_SLOW else 12


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def onnx_node():
    """A function that runs one ONNX node: onnx_node(operator, outputs, x, **attributes)."""
    runtime = pytest.importorskip("onnxruntime")
    helper = pytest.importorskip("onnx.helper")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4

    def run(operator, outputs, x, opset=19, **attributes):
        element = helper.np_dtype_to_tensor_dtype(x.dtype)
        integers = helper.np_dtype_to_tensor_dtype(np.dtype(np.int64))
        names = ["y", "positions"][:outputs]
        infos = [
            helper.make_tensor_value_info(name, kind, [None] * x.ndim)
            for name, kind in zip(names, [element, integers], strict=False)
        ]
        node = helper.make_node(operator, ["x"], names, **attributes)
        inputs = [helper.make_tensor_value_info("x", element, x.shape)]
        graph = helper.make_graph([node], "one", inputs, infos)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9
        )
        session = runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return session.run(None, {"x": x})

    return run


def close(dtype):
    """Their sums have an order of their own."""
    return {"rtol": 1e-12, "atol": 1e-13} if dtype == np.float64 else {"rtol": 1e-5, "atol": 1e-5}


# PyTorch ------------------------------------------------------------------------------------------


def geometry(rng, rank, dilation=True):
    """Sizes that PyTorch takes: padding of no more than half a kernel."""
    kernel = rng.integers(1, 5, rank)
    sizes = kernel, rng.integers(1, 5, rank), rng.integers(0, kernel // 2 + 1)
    sizes = [tuple(map(int, size)) for size in sizes]
    return [*sizes, tuple(map(int, rng.integers(1, 3, rank)))] if dilation else sizes


def with_ties(rng, shape, dtype):
    x = rng.integers(-4, 5, shape).astype(dtype)
    if np.dtype(dtype).kind == "f":
        x[rng.random(shape) < 0.3] = -np.inf
    return x


def as_torch(torch, x):
    return torch.from_numpy(np.ascontiguousarray(x))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "dtype, rank",
    [
        *itertools.product(["float32", "float64", "float16"], RANKS),
        *itertools.product(["int32", "uint8", "int64"], [2, 3]),  # PyTorch's max_pool1d takes none
    ],
)
def test_max_as_torch(torch, dtype, rank, channels_last):
    """Values and positions, with ceil_mode, padding, dilation, ties and rows that are -inf."""
    rng = np.random.default_rng([rank, channels_last])
    theirs = getattr(torch.nn.functional, f"max_pool{rank}d")
    ours = getattr(cpool, f"max_pool{rank}d")
    for trial in range(TRIALS):
        sizes = [*geometry(rng, rank), bool(trial % 2)]
        x = with_ties(rng, (2, 3, *rng.integers(8, 13, rank)), dtype)
        x = np.abs(x) if dtype == "uint8" else x
        y, indices = (t.numpy() for t in theirs(as_torch(torch, x), *sizes, return_indices=True))
        if channels_last:
            x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        result = ours(x, *sizes, return_indices=True, channels_last=channels_last)
        if channels_last:
            result = [np.moveaxis(array, -1, 1) for array in result]
        assert_equal(result[0], y, sizes)
        assert_equal(result[1], indices, sizes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rank", RANKS)
def test_max_with_nans_as_torch(torch, rank, dtype):
    rng = np.random.default_rng(rank)
    for trial in range(TRIALS):
        sizes = [*geometry(rng, rank), bool(trial % 2)]
        x = with_ties(rng, (2, 3, *rng.integers(8, 13, rank)), dtype)
        x[rng.random(x.shape) < 0.1] = np.nan
        y = getattr(torch.nn.functional, f"max_pool{rank}d")(as_torch(torch, x), *sizes).numpy()
        assert_equal(getattr(cpool, f"max_pool{rank}d")(x, *sizes), y, sizes)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rank", RANKS)
def test_avg_as_torch(torch, rank, dtype, channels_last):
    """ceil_mode, count_include_pad and divisor_override in all combinations."""
    rng = np.random.default_rng([rank, channels_last])
    combinations = itertools.product([False, True], [False, True], [None, 1, 7, -3])
    for ceil_mode, counted, divisor in combinations:
        if rank == 1 and divisor is not None:
            continue  # PyTorch's avg_pool1d has none
        for _ in range(TRIALS // 4):
            sizes = geometry(rng, rank, dilation=False)
            x = rng.normal(size=(2, 3, *rng.integers(6, 11, rank))).astype(dtype)
            arguments = [*sizes, ceil_mode, counted]
            arguments += [] if divisor is None else [divisor]
            theirs = getattr(torch.nn.functional, f"avg_pool{rank}d")
            y = theirs(as_torch(torch, x), *arguments).numpy()
            if channels_last:
                x = np.moveaxis(x, 1, -1)
            ours = getattr(cpool, f"avg_pool{rank}d")
            result = ours(x, *arguments, channels_last=channels_last)
            result = np.moveaxis(result, -1, 1) if channels_last else result
            assert result.dtype == y.dtype
            np.testing.assert_allclose(result, y, **close(x.dtype), err_msg=str(arguments))


@pytest.mark.parametrize("rank", RANKS)
def test_adaptive_as_torch(torch, rank):
    rng = np.random.default_rng(rank)
    for trial in range(TRIALS):
        x = rng.integers(-9, 10, (2, 3, *rng.integers(1, 13, rank))).astype(np.float64)
        sizes = tuple(int(m) for m in rng.integers(1, 15, rank))
        if rank > 1 and trial % 3 == 0:
            sizes = (None, *sizes[1:])
        theirs = getattr(torch.nn.functional, f"adaptive_max_pool{rank}d")
        y, indices = (t.numpy() for t in theirs(as_torch(torch, x), sizes, return_indices=True))
        ours = getattr(cpool, f"adaptive_max_pool{rank}d")(x, sizes, return_indices=True)
        assert_equal(ours[0], y, sizes)
        assert_equal(ours[1], indices, sizes)
        theirs = getattr(torch.nn.functional, f"adaptive_avg_pool{rank}d")
        y = theirs(as_torch(torch, x), sizes).numpy()
        ours = getattr(cpool, f"adaptive_avg_pool{rank}d")(x, sizes)
        np.testing.assert_allclose(ours, y, **close(x.dtype))


@pytest.mark.parametrize("rank", RANKS)
def test_unpool_as_torch(torch, rank):
    """There and back, output_size and positions that occur twice too; and the gradient."""
    rng = np.random.default_rng(rank)
    pool, unpool = getattr(cpool, f"max_pool{rank}d"), getattr(cpool, f"max_unpool{rank}d")
    theirs = getattr(torch.nn.functional, f"max_unpool{rank}d")
    for trial in range(TRIALS):
        kernel = tuple(int(k) for k in rng.integers(1, 4, rank))
        stride = kernel if trial % 2 else tuple(int(rng.integers(1, k + 1)) for k in kernel)
        shape = (2, 3, *[9] * rank)
        x = rng.permutation(math.prod(shape)).reshape(shape).astype(np.float64)
        y, indices = pool(x, kernel, stride, return_indices=True)
        size = x.shape[2:]
        t = as_torch(torch, y).requires_grad_()
        expected = theirs(t, as_torch(torch, indices), kernel, stride, 0, size)
        back, pullback = cpool.vjp(unpool, y, indices, kernel, stride, 0, size)
        # What comes to a place twice is the same value, so PyTorch's order does not matter; but it
        # gives the gradient to each of them.
        assert_equal(back, expected.detach().numpy(), (kernel, stride))
        if stride == kernel:
            gy = rng.normal(size=back.shape)
            expected.backward(as_torch(torch, gy))
            assert_equal(pullback(gy), t.grad.numpy(), (kernel, stride))


def torch_gradient(torch, function, x, gy, *arguments, **options):
    t = as_torch(torch, x).requires_grad_()
    y = function(t, *arguments, **options)
    y.backward(as_torch(torch, gy(tuple(y.shape))))
    return t.grad.numpy()


@pytest.mark.parametrize("rank", RANKS)
def test_gradients_as_torch(torch, rank):
    """float64, overlapping windows, ties (which go to the first in both)."""
    rng = np.random.default_rng(rank)
    functional = torch.nn.functional
    values = rng.normal(size=997)

    def gy(shape):
        return np.resize(values, shape)

    for trial in range(TRIALS):
        x = rng.integers(-3, 4, (2, 2, *rng.integers(7, 11, rank))).astype(np.float64)
        sizes = [*geometry(rng, rank), bool(trial % 2)]
        theirs = torch_gradient(torch, getattr(functional, f"max_pool{rank}d"), x, gy, *sizes)
        y, pullback = cpool.vjp(getattr(cpool, f"max_pool{rank}d"), x, *sizes)
        np.testing.assert_allclose(pullback(gy(y.shape)), theirs, **close(x.dtype))

        arguments = [*geometry(rng, rank, False), bool(trial % 2), bool(trial % 3)]
        if rank > 1:
            arguments.append([None, 5][trial % 5 == 0])
        theirs = torch_gradient(torch, getattr(functional, f"avg_pool{rank}d"), x, gy, *arguments)
        y, pullback = cpool.vjp(getattr(cpool, f"avg_pool{rank}d"), x, *arguments)
        np.testing.assert_allclose(pullback(gy(y.shape)), theirs, **close(x.dtype))

        size = tuple(int(m) for m in rng.integers(1, 13, rank))
        for name in (f"adaptive_max_pool{rank}d", f"adaptive_avg_pool{rank}d"):
            theirs = torch_gradient(torch, getattr(functional, name), x, gy, size)
            y, pullback = cpool.vjp(getattr(cpool, name), x, size)
            np.testing.assert_allclose(pullback(gy(y.shape)), theirs, **close(x.dtype))


def test_mirror_and_wrap_as_torch(torch):
    """PyTorch pads first and pools then; its reflect is cpool's mirror. Gradients fold back."""
    rng = np.random.default_rng(0)
    for ours, theirs in {"mirror": "reflect", "wrap": "circular", "nearest": "replicate"}.items():
        x = rng.normal(size=(2, 3, 7, 8))
        t = as_torch(torch, x).requires_grad_()
        padded = torch.nn.functional.pad(t, (2, 3, 1, 4), mode=theirs)
        for name, arguments in {"max_pool2d": (3, 2), "avg_pool2d": ((2, 3), 1)}.items():
            expected = getattr(torch.nn.functional, name)(padded, *arguments)
            y, pullback = cpool.vjp(
                getattr(cpool, name), x, *arguments, ((1, 4), (2, 3)), padding_mode=ours
            )
            np.testing.assert_allclose(y, expected.detach().numpy(), **close(x.dtype))
            gy = rng.normal(size=y.shape)
            t.grad = None
            expected.backward(as_torch(torch, gy), retain_graph=True)
            np.testing.assert_allclose(pullback(gy), t.grad.numpy(), **close(x.dtype))


# ONNX Runtime -------------------------------------------------------------------------------------


def onnx_sizes(rng, rank, dilation):
    """Explicit padding of each side, less than the kernel reaches over."""
    kernel = rng.integers(1, 5, rank)
    dilations = rng.integers(1, 3, rank) if dilation else np.ones(rank, int)
    most = np.minimum((kernel - 1) * dilations, kernel - 1) // 2
    before, after = rng.integers(0, most + 1), rng.integers(0, most + 1)
    sizes = kernel, rng.integers(1, 4, rank), before, after, dilations
    return [tuple(map(int, size)) for size in sizes]


def in_planes(positions, shape):
    """ONNX counts positions through the whole tensor."""
    return positions % math.prod(shape[2:])


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int8"])
def test_max_as_onnx(onnx_node, dtype, rank, ceil_mode):
    rng = np.random.default_rng([rank, ceil_mode])
    outputs = 2 if dtype.startswith("float") else 1
    for _ in range(TRIALS):
        kernel, stride, before, after, dilation = onnx_sizes(rng, rank, True)
        x = rng.integers(0 if dtype == "uint8" else -9, 10, (2, 3, *rng.integers(8, 12, rank)))
        x = x.astype(dtype)
        shared = {"kernel_shape": kernel, "strides": stride, "pads": before + after}
        shared |= {"dilations": dilation, "ceil_mode": ceil_mode}
        results = onnx_node("MaxPool", outputs, x, opset=12, **shared)
        pairs = tuple(zip(before, after, strict=True))
        y, positions = getattr(cpool, f"max_pool{rank}d")(
            x, kernel, stride, pairs, dilation, bool(ceil_mode), return_indices=True
        )
        assert_equal(y, results[0], shared)
        if outputs == 2:
            assert_equal(positions, in_planes(results[1], x.shape), shared)


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("rank", RANKS)
def test_avg_as_onnx(onnx_node, rank, ceil_mode, counted):
    """count_include_pad, ceil_mode and dilations."""
    rng = np.random.default_rng([rank, ceil_mode, counted])
    for trial in range(TRIALS):
        kernel, stride, before, after, dilation = onnx_sizes(rng, rank, trial % 2)
        x = rng.normal(size=(2, 3, *rng.integers(8, 12, rank))).astype(np.float32)
        shared = {"kernel_shape": kernel, "strides": stride, "pads": before + after}
        shared |= {"dilations": dilation, "ceil_mode": ceil_mode, "count_include_pad": counted}
        (expected,) = onnx_node("AveragePool", 1, x, **shared)
        pairs = tuple(zip(before, after, strict=True))
        y = getattr(cpool, f"avg_pool{rank}d")(
            x, kernel, stride, pairs, bool(ceil_mode), bool(counted), dilation=dilation
        )
        np.testing.assert_allclose(y, expected, **close(x.dtype), err_msg=str(shared))


@pytest.mark.parametrize("auto_pad, padding", [("SAME_UPPER", "same"), ("SAME_LOWER", "same_lower"),
                                               ("VALID", "valid")])  # fmt: skip
@pytest.mark.parametrize("rank", RANKS)
def test_auto_pad_as_onnx(onnx_node, rank, auto_pad, padding):
    """The odd element at the end, or at the beginning."""
    rng = np.random.default_rng(rank)
    for _ in range(TRIALS):
        kernel = tuple(int(k) for k in rng.integers(1, 6, rank))
        stride = tuple(int(rng.integers(1, k + 1)) for k in kernel)
        x = rng.normal(size=(1, 2, *rng.integers(6, 12, rank))).astype(np.float32)
        shared = {"kernel_shape": kernel, "strides": stride, "auto_pad": auto_pad}
        expected, places = onnx_node("MaxPool", 2, x, opset=12, **shared)
        y, positions = getattr(cpool, f"max_pool{rank}d")(
            x, kernel, stride, padding, return_indices=True
        )
        assert_equal(y, expected, shared)
        assert_equal(positions, in_planes(places, x.shape), shared)
        for counted in (0, 1):
            (expected,) = onnx_node("AveragePool", 1, x, count_include_pad=counted, **shared)
            y = getattr(cpool, f"avg_pool{rank}d")(
                x, kernel, stride, padding, count_include_pad=bool(counted)
            )
            np.testing.assert_allclose(y, expected, **close(x.dtype), err_msg=str(shared))


def test_global_as_onnx(onnx_node):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 9)).astype(np.float32)
    assert_equal(cpool.global_max_pool(x), onnx_node("GlobalMaxPool", 1, x)[0])
    (expected,) = onnx_node("GlobalAveragePool", 1, x)
    np.testing.assert_allclose(cpool.global_avg_pool(x), expected, **close(x.dtype))
