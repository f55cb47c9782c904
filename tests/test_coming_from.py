"""Each line of docs/start/coming_from.rst: both calls give the same values."""

from __future__ import annotations

import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import cpool
import cpool.nn
import cpool.reference

PAGE = Path(__file__).resolve().parent.parent / "docs" / "start" / "coming_from.rst"
CHANNELS_FIRST, CHANNELS_LAST, PLANE = (2, 3, 12, 12), (2, 12, 12, 3), (12, 12)


def tables():
    """Of each table its class, and its pairs of calls."""
    found = {}
    for part in PAGE.read_text(encoding="utf-8").split(".. list-table::")[1:]:
        name = re.search(r":class: (\S+)", part)[1]
        found[name] = re.findall(r"^   \* - ``(.+)``\n     - ``(.+)``$", part, re.MULTILINE)
    return found


TABLES = tables()
LINES = [(table, *pair) for table, pairs in TABLES.items() for pair in pairs]


def values(shape, dtype=float):
    """All different and none 0: no ties, which libraries break in ways of their own."""
    numbers = np.random.default_rng(5).permutation(np.linspace(0.5, 9.5, math.prod(shape)))
    return numbers.reshape(shape).astype(dtype)


def of_pytorch():
    torch = pytest.importorskip("torch")
    x, w, u = values(CHANNELS_FIRST), values((4, 3, 3, 3)), values((2, 3, 2)) / 10
    theirs = {"torch": torch, "F": torch.nn.functional, "math": math,
              "x": torch.tensor(x, requires_grad=True), "w": torch.tensor(w),
              "u": torch.tensor(u)}  # fmt: skip
    return theirs, {"x": x, "w": w, "u": u}


def of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    x = values(PLANE)
    return {"ndimage": ndimage, "x": x}, {"x": x}


def of_scikit_image():
    pytest.importorskip("skimage")
    from skimage import filters, measure, morphology, transform

    x = values(PLANE)
    theirs = {"block_reduce": measure.block_reduce, "morphology": morphology, "filters": filters,
              "downscale_local_mean": transform.downscale_local_mean, "x": x}  # fmt: skip
    return theirs, {"x": x}


def of_opencv():
    cv2 = pytest.importorskip("cv2")
    x = values(PLANE, np.float32)
    return {"cv2": cv2, "x": x}, {"x": x}


def of_onnx():
    runtime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")

    def node(operator, x, **attributes):
        kind, info = onnx.TensorProto.FLOAT, onnx.helper.make_tensor_value_info
        nodes = [onnx.helper.make_node(operator, ["x"], ["y"], **attributes)]
        sizes = [info("x", kind, x.shape)], [info("y", kind, None)]
        graph = onnx.helper.make_graph(nodes, "one", *sizes)
        opset = [onnx.helper.make_opsetid("", 21)]
        model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
        session = runtime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])  # fmt: skip
        return session.run(None, {"x": x})[0]

    x = values(CHANNELS_FIRST, np.float32)
    names = ["MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool",
             "GlobalLpPool"]  # fmt: skip
    return {"x": x, **{name: partial(node, name) for name in names}}, {"x": x}


def of_keras():
    tf = pytest.importorskip("tensorflow")
    x, w = values(CHANNELS_LAST, np.float32), values((3, 3, 3, 4), np.float32)
    return {"tf": tf, "layers": tf.keras.layers, "x": x, "w": w}, {"x": x, "w": w}


LIBRARIES = {
    "pytorch": of_pytorch,
    "scipy": of_scipy,
    "scikit-image": of_scikit_image,
    "opencv": of_opencv,
    "onnx": of_onnx,
    "keras": of_keras,
}


def test_the_tables_are_found():
    assert set(TABLES) == set(LIBRARIES)
    assert all(len(pairs) >= 8 for pairs in TABLES.values())
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("\n   * - ``") == len(LINES)  # none that the pattern above leaves out


@pytest.mark.parametrize("table, theirs, ours", LINES)
def test_both_calls_agree(table, theirs, ours):
    their_names, our_names = LIBRARIES[table]()
    expected = eval(theirs, {"np": np, **their_names})
    expected = expected.detach() if hasattr(expected, "detach") else expected
    modules = {"np": np, "cpool": cpool, "nn": cpool.nn, "reference": cpool.reference}
    y = eval(ours, {**modules, **our_names})
    assert y.shape == tuple(expected.shape)
    np.testing.assert_allclose(y, np.asarray(expected), rtol=3e-6, atol=1e-5)
