"""What installed libraries make of the same small input, and what cpool makes of it.

``python docs/disagreements.py`` prints the tables; the page on conventions has them. Each answer
is that of a call that is made while this runs. A library that is not installed says so in its row.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import cpool

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it tells of itself on import

Call = Callable[[], Any]

#: Title: modules that must be there, and the distributions that may have them.
LIBRARIES = {
    "PyTorch": (["torch"], ["torch"]),
    "ONNX Runtime": (["onnxruntime", "onnx"], ["onnxruntime"]),
    "TensorFlow": (["tensorflow"], ["tensorflow", "tensorflow-cpu"]),
    "SciPy": (["scipy"], ["scipy"]),
    "scikit-image": (["skimage"], ["scikit-image"]),
    "OpenCV": (["cv2"], ["opencv-python-headless", "opencv-python"]),
    "tensorstore": (["tensorstore"], ["tensorstore"]),
    "NumPy": (["numpy"], ["numpy"]),
}


def installed(library: str) -> bool:
    modules, _ = LIBRARIES[library]
    return all(importlib.util.find_spec(module) for module in modules)


def version_of(library: str) -> str:
    for distribution in LIBRARIES[library][1]:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "?"


# How each library is called -----------------------------------------------------------------------


def _torch(name: str, x: Any, *args: Any, **options: Any) -> Any:
    torch = importlib.import_module("torch")
    y = getattr(torch.nn.functional, name)(torch.tensor(np.asarray(x))[None], *args, **options)
    return tuple(each[0].numpy() for each in y) if isinstance(y, tuple) else y[0].numpy()


def _onnx(operator: str, x: Any, outputs: int = 1, opset: int = 22, **attributes: Any) -> Any:
    """One node on (1, channels, length), or on what has four axes already."""
    onnx, runtime = map(importlib.import_module, ("onnx", "onnxruntime"))
    x = np.asarray(x)
    x = x.astype(np.float32) if x.dtype == np.float64 else x
    x = x.reshape((1,) * (3 - x.ndim) + x.shape)
    helper, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    kinds = [kind, onnx.TensorProto.INT64][:outputs]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y", "i"][:outputs], **attributes)],
        "pool",
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info(n, k, None) for n, k in zip("yi", kinds, strict=False)],
    )
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results = [result[0] for result in session.run(None, {"x": x})]
    return results[0][0] if outputs == 1 else tuple(results)


def _tensorflow(pooling: str, x: Any, size: int, stride: int, padding: str) -> Any:
    tensorflow = importlib.import_module("tensorflow")
    x = np.asarray(x, np.float32).reshape(1, -1, 1)
    return tensorflow.nn.pool(x, [size], pooling, [stride], padding).numpy()[0, :, 0]


def _tensorflow_positions(x: Any) -> Any:
    tensorflow = importlib.import_module("tensorflow")
    x = np.moveaxis(np.asarray(x, np.float32), 0, -1)[None]
    return tensorflow.nn.max_pool_with_argmax(x, 2, 2, "VALID")[1].numpy()[0, 0, 0]


def _ndimage(name: str, x: Any, *args: Any, **options: Any) -> Any:
    return getattr(importlib.import_module("scipy.ndimage"), name)(x, *args, **options)


def _blocks(x: Any, size: Any, function: Callable[..., Any]) -> Any:
    return importlib.import_module("skimage.measure").block_reduce(x, size, function)


def _cv(name: str, x: Any, *args: Any, **options: Any) -> Any:
    return getattr(importlib.import_module("cv2"), name)(np.asarray(x)[None], *args, **options)[0]


def _dilate(x: Any, size: int) -> Any:
    return _cv("dilate", x, np.ones((1, size), np.uint8))


def _bordered(x: Any, border: str) -> Any:
    cv2 = importlib.import_module("cv2")
    return cv2.copyMakeBorder(np.asarray(x)[None], 0, 0, 1, 1, getattr(cv2, border))[0]


def _store(x: Any, size: int, method: str) -> Any:
    tensorstore = importlib.import_module("tensorstore")
    return tensorstore.downsample(tensorstore.array(np.asarray(x)), [size], method).read().result()


# Questions ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A call as text, and as a function; ``library`` is None for cpool's own."""

    library: str | None
    text: str
    call: Call


@dataclass(frozen=True)
class Question:
    """Something on which libraries differ, with an input on which it shows."""

    title: str
    input: str
    answers: list[Answer]


def _own(text: str, call: Call) -> Answer:
    return Answer(None, text, call)


NAN = np.nan
NANS = np.array([NAN, 1.0, 2.0, NAN, 3.0, 0.0])
NEGATIVE = np.array([-3.0, -1.0, -4.0, -2.0])
POWERS = np.array([1.0, 2.0, 4.0, 8.0])
ONES = np.ones(4)
COUNT = np.arange(1.0, 7.0)
WHOLE = np.array([-3, 0, 1, 2])
LARGE = np.array([2**53, 2**53 + 1])
INFINITE = np.array([np.inf, 0.0, 0.0, 0.0, 1.0, 1.0])
PLANES = np.array([[[0.0, 1.0], [2.0, 3.0]], [[7.0, 6.0], [5.0, 4.0]]])
MASKED = np.ma.masked_array([1.0, 9.0], [False, True])


def _less(values: Any) -> Any:
    """Less 2**53, so that the last digit is seen."""
    return np.asarray(values).astype(np.int64) - 2**53


QUESTIONS = [
    Question("The maximum of a NaN and a number", "windows (NaN, 1), (2, NaN), (3, 0)", [
        _own("max_pool1d(x, 2)", lambda: cpool.max_pool1d(NANS, 2)),
        Answer("PyTorch", "max_pool1d(x, 2)", partial(_torch, "max_pool1d", NANS, 2)),
        Answer("ONNX Runtime", "MaxPool, kernel_shape 2, strides 2", partial(
            _onnx, "MaxPool", NANS, kernel_shape=[2], strides=[2])),
        Answer("TensorFlow", "nn.pool(x, 2, \"MAX\", 2)", partial(
            _tensorflow, "MAX", NANS, 2, 2, "VALID")),
        Answer("SciPy", "maximum_filter1d(x, 2)[1::2]", lambda: _ndimage(
            "maximum_filter1d", NANS, 2)[1::2]),
        Answer("scikit-image", "block_reduce(x, 2, np.max)", partial(_blocks, NANS, 2, np.max)),
        Answer("OpenCV", "dilate(x, ones(1, 2))[1::2]", lambda: _dilate(NANS, 2)[1::2]),
        Answer("tensorstore", "downsample(x, 2, \"max\")", partial(_store, NANS, 2, "max")),
    ]),
    Question("The position of the maximum where all are NaN, and where all are equal",
             "windows (NaN, NaN) and (5, 5)", [
        _own("max_pool1d(x, 2, return_indices=True)", lambda: cpool.max_pool1d(
            [NAN, NAN, 5.0, 5.0], 2, return_indices=True)[1]),
        Answer("PyTorch", "max_pool1d(x, 2, return_indices=True)", lambda: _torch(
            "max_pool1d", [NAN, NAN, 5.0, 5.0], 2, return_indices=True)[1]),
        Answer("ONNX Runtime", "MaxPool with Indices", lambda: _onnx(
            "MaxPool", [NAN, NAN, 5.0, 5.0], 2, 12, kernel_shape=[2], strides=[2])[1][0]),
    ]),
    Question("Positions of two channels", "channels ((0, 1), (2, 3)) and ((7, 6), (5, 4)), "
             "windows 2 × 2", [
        _own("max_pool2d(x, 2, return_indices=True)", lambda: cpool.max_pool2d(
            PLANES, 2, return_indices=True)[1].ravel()),
        Answer("PyTorch", "max_pool2d(x, 2, return_indices=True)", lambda: _torch(
            "max_pool2d", PLANES, 2, return_indices=True)[1].ravel()),
        Answer("ONNX Runtime", "MaxPool with Indices", lambda: _onnx(
            "MaxPool", PLANES[None], 2, 12, kernel_shape=[2, 2], strides=[2, 2])[1].ravel()),
        Answer("TensorFlow", "nn.max_pool_with_argmax(x, 2, 2)", partial(
            _tensorflow_positions, PLANES)),
    ]),
    Question("Padding of a maximum", "(−3, −1, −4, −2), windows of 3 at each element", [
        _own("max_pool1d(x, 3, 1, 1)", lambda: cpool.max_pool1d(NEGATIVE, 3, 1, 1)),
        Answer("PyTorch", "max_pool1d(x, 3, 1, 1)", partial(_torch, "max_pool1d", NEGATIVE, 3, 1,
                                                            1)),
        Answer("ONNX Runtime", "MaxPool, pads 1, 1", partial(
            _onnx, "MaxPool", NEGATIVE, kernel_shape=[3], pads=[1, 1])),
        Answer("TensorFlow", "nn.pool(x, 3, \"MAX\", 1, \"SAME\")", partial(
            _tensorflow, "MAX", NEGATIVE, 3, 1, "SAME")),
        Answer("SciPy", "maximum_filter1d(x, 3, mode=\"constant\")", partial(
            _ndimage, "maximum_filter1d", NEGATIVE, 3, mode="constant")),
        Answer("SciPy", "maximum_filter1d(x, 3)", partial(
            _ndimage, "maximum_filter1d", NEGATIVE, 3)),
        Answer("OpenCV", "dilate(x, ones(1, 3))", partial(_dilate, NEGATIVE, 3)),
    ]),
    Question("A last block that is not full, of a maximum", "(−3, −1, −4), windows of 2", [
        _own("max_pool1d(x, 2, ceil_mode=True)", lambda: cpool.max_pool1d(
            NEGATIVE[:3], 2, ceil_mode=True)),
        Answer("PyTorch", "max_pool1d(x, 2, ceil_mode=True)", partial(
            _torch, "max_pool1d", NEGATIVE[:3], 2, ceil_mode=True)),
        Answer("ONNX Runtime", "MaxPool, ceil_mode 1", partial(
            _onnx, "MaxPool", NEGATIVE[:3], kernel_shape=[2], strides=[2], ceil_mode=1)),
        Answer("scikit-image", "block_reduce(x, 2, np.max)", partial(
            _blocks, NEGATIVE[:3], 2, np.max)),
        Answer("tensorstore", "downsample(x, 2, \"max\")", partial(_store, NEGATIVE[:3], 2,
                                                                   "max")),
    ]),
    Question("Padding of an average", "(1, 1, 1, 1), windows of 3 at each element", [
        _own("avg_pool1d(x, 3, 1, 1)", lambda: cpool.avg_pool1d(ONES, 3, 1, 1)),
        _own("…, count_include_pad=False", lambda: cpool.avg_pool1d(
            ONES, 3, 1, 1, count_include_pad=False)),
        Answer("PyTorch", "avg_pool1d(x, 3, 1, 1)", partial(_torch, "avg_pool1d", ONES, 3, 1, 1)),
        Answer("ONNX Runtime", "AveragePool, pads 1, 1", partial(
            _onnx, "AveragePool", ONES, kernel_shape=[3], pads=[1, 1])),
        Answer("TensorFlow", "nn.pool(x, 3, \"AVG\", 1, \"SAME\")", partial(
            _tensorflow, "AVG", ONES, 3, 1, "SAME")),
        Answer("SciPy", "uniform_filter1d(x, 3)", partial(_ndimage, "uniform_filter1d", ONES, 3)),
        Answer("SciPy", "…, mode=\"constant\"", partial(
            _ndimage, "uniform_filter1d", ONES, 3, mode="constant")),
        Answer("OpenCV", "blur(x, (3, 1))", partial(_cv, "blur", ONES, (3, 1))),
    ]),
    Question("A last block that is not full, of an average", "(1, 2, 3, 4, 5, 6), windows of 4", [
        _own("avg_pool1d(x, 4, ceil_mode=True)", lambda: cpool.avg_pool1d(
            COUNT, 4, ceil_mode=True)),
        Answer("PyTorch", "avg_pool1d(x, 4, ceil_mode=True)", partial(
            _torch, "avg_pool1d", COUNT, 4, ceil_mode=True)),
        Answer("ONNX Runtime", "AveragePool, ceil_mode 1", partial(
            _onnx, "AveragePool", COUNT, kernel_shape=[4], strides=[4], ceil_mode=1)),
        Answer("scikit-image", "block_reduce(x, 4, np.mean)", partial(
            _blocks, COUNT, 4, np.mean)),
        Answer("tensorstore", "downsample(x, 4, \"mean\")", partial(_store, COUNT, 4, "mean")),
    ]),
    Question("A last window that is not full, of a norm",
             "(1, 1, 1), p = 1, windows of 2, ceil_mode", [
        _own("lp_pool1d(x, 1, 2, ceil_mode=True)", lambda: cpool.lp_pool1d(
            ONES[:3], 1, 2, ceil_mode=True)),
        Answer("PyTorch", "lp_pool1d(x, 1, 2, ceil_mode=True)", partial(
            _torch, "lp_pool1d", ONES[:3], 1, 2, ceil_mode=True)),
        Answer("ONNX Runtime", "LpPool, p 1, ceil_mode 1", partial(
            _onnx, "LpPool", ONES[:3], p=1, kernel_shape=[2], strides=[2], ceil_mode=1)),
    ]),
    Question("Which windows, if no stride is given", "(1, 2, 3, 4, 5, 6), windows of 2", [
        _own("max_pool1d(x, 2)", lambda: cpool.max_pool1d(COUNT, 2)),
        Answer("PyTorch", "max_pool1d(x, 2)", partial(_torch, "max_pool1d", COUNT, 2)),
        Answer("ONNX Runtime", "MaxPool, kernel_shape 2", partial(
            _onnx, "MaxPool", COUNT, kernel_shape=[2])),
        Answer("SciPy", "maximum_filter1d(x, 2)", partial(_ndimage, "maximum_filter1d", COUNT, 2)),
        Answer("scikit-image", "block_reduce(x, 2, np.max)", partial(_blocks, COUNT, 2, np.max)),
    ]),
    Question("Where an even window lies that keeps the size",
             "(1, 2, 4, 8), windows of 2 at each element", [
        _own("max_pool1d(x, 2, 1, \"same\")", lambda: cpool.max_pool1d(POWERS, 2, 1, "same")),
        _own("max_pool1d(x, 2, 1, \"same_lower\")", lambda: cpool.max_pool1d(
            POWERS, 2, 1, "same_lower")),
        Answer("ONNX Runtime", "MaxPool, SAME_UPPER", partial(
            _onnx, "MaxPool", POWERS, kernel_shape=[2], auto_pad="SAME_UPPER")),
        Answer("TensorFlow", "nn.pool(x, 2, \"MAX\", 1, \"SAME\")", partial(
            _tensorflow, "MAX", POWERS, 2, 1, "SAME")),
        Answer("SciPy", "maximum_filter1d(x, 2)", partial(_ndimage, "maximum_filter1d", POWERS,
                                                          2)),
        Answer("OpenCV", "dilate(x, ones(1, 2))", partial(_dilate, POWERS, 2)),
    ]),
    Question("What “reflect” puts before the first element", "(1, 2, 4, 8), one place before", [
        _own("padding_mode=\"reflect\"", lambda: _first("reflect")),
        _own("padding_mode=\"mirror\"", lambda: _first("mirror")),
        Answer("NumPy", "pad(x, 1, mode=\"reflect\")", lambda: np.pad(POWERS, 1, "reflect")[:1]),
        Answer("NumPy", "pad(x, 1, mode=\"symmetric\")", lambda: np.pad(
            POWERS, 1, "symmetric")[:1]),
        Answer("PyTorch", "pad(x, (1, 1), mode=\"reflect\")", lambda: _torch(
            "pad", POWERS[None], (1, 1), mode="reflect")[0, :1]),
        Answer("SciPy", "correlate1d(x, (1, 0, 0), mode=\"reflect\")", lambda: _ndimage(
            "correlate1d", POWERS, [1, 0, 0], mode="reflect")[:1]),
        Answer("OpenCV", "copyMakeBorder, BORDER_REFLECT", lambda: _bordered(
            POWERS, "BORDER_REFLECT")[:1]),
        Answer("OpenCV", "copyMakeBorder, BORDER_REFLECT_101", lambda: _bordered(
            POWERS, "BORDER_REFLECT_101")[:1]),
    ]),
    Question("The mean of integers", "(−3, 0) and (1, 2), int64 (int16 where that is refused)", [
        _own("avg_pool1d(x, 2)", lambda: cpool.avg_pool1d(WHOLE, 2)),
        _own("avg_pool1d(x, 2, dtype=np.int64)", lambda: cpool.avg_pool1d(
            WHOLE, 2, dtype=np.int64)),
        Answer("PyTorch", "avg_pool1d(x, 2)", partial(_torch, "avg_pool1d", WHOLE, 2)),
        Answer("ONNX Runtime", "AveragePool", partial(
            _onnx, "AveragePool", WHOLE, kernel_shape=[2], strides=[2])),
        Answer("SciPy", "uniform_filter1d(x, 2)[1::2]", lambda: _ndimage(
            "uniform_filter1d", WHOLE, 2)[1::2]),
        Answer("scikit-image", "block_reduce(x, 2, np.mean)", partial(_blocks, WHOLE, 2, np.mean)),
        Answer("OpenCV", "resize(x, (2, 1), INTER_AREA), int16", lambda: _cv(
            "resize", WHOLE.astype(np.int16), (2, 1), interpolation=3)),
        Answer("tensorstore", "downsample(x, 2, \"mean\")", partial(_store, WHOLE, 2, "mean")),
    ]),
    Question("The maximum of large integers, less 2⁵³", "(2⁵³, 2⁵³ + 1), int64", [
        _own("max_pool1d(x, 2)", lambda: _less(cpool.max_pool1d(LARGE, 2))),
        Answer("PyTorch", "max_pool1d(x, 2)", lambda: _less(_torch("max_pool1d", LARGE, 2))),
        Answer("ONNX Runtime", "MaxPool", lambda: _less(
            _onnx("MaxPool", LARGE, kernel_shape=[2]))),
        Answer("SciPy", "maximum_filter1d(x, 2)[1::2]", lambda: _less(
            _ndimage("maximum_filter1d", LARGE, 2)[1::2])),
        Answer("scikit-image", "block_reduce(x, 2, np.max)", lambda: _less(
            _blocks(LARGE, 2, np.max))),
        Answer("tensorstore", "downsample(x, 2, \"max\")", lambda: _less(
            _store(LARGE, 2, "max"))),
    ]),
    Question("An infinity among means", "(∞, 0, 0, 0, 1, 1), windows of 2", [
        _own("avg_pool1d(x, 2)", lambda: cpool.avg_pool1d(INFINITE, 2)),
        Answer("PyTorch", "avg_pool1d(x, 2)", partial(_torch, "avg_pool1d", INFINITE, 2)),
        Answer("SciPy", "uniform_filter1d(x, 2)[1::2]", lambda: _ndimage(
            "uniform_filter1d", INFINITE, 2)[1::2]),
        Answer("scikit-image", "block_reduce(x, 2, np.mean)", partial(
            _blocks, INFINITE, 2, np.mean)),
        Answer("OpenCV", "blur(x, (2, 1))[1::2]", lambda: _cv("blur", INFINITE, (2, 1))[1::2]),
    ]),
    Question("A masked array", "(1, 9), of which 9 is masked; windows of 2", [
        _own("max_pool1d(x, 2)", lambda: cpool.max_pool1d(MASKED, 2)),
        _own("max_pool1d(x.data, 2, where=~x.mask)", lambda: cpool.max_pool1d(
            MASKED.data, 2, where=~MASKED.mask)),
        Answer("SciPy", "maximum_filter1d(x, 2)[1:]", lambda: _ndimage(
            "maximum_filter1d", MASKED, 2)[1:]),
        Answer("scikit-image", "block_reduce(x, 2, np.max)", partial(_blocks, MASKED, 2, np.max)),
    ]),
]  # fmt: skip


def _first(mode: str) -> Any:
    """The element before the first one, as cpool pads."""
    return cpool.sum_pool1d(POWERS, 1, 1, padding=((1, 0),), padding_mode=mode)[:1]


# Tables -------------------------------------------------------------------------------------------

Row = tuple[str, str, str, str]


def rows(question: Question) -> list[Row]:
    """Library, call, result, and whether that is cpool's first answer."""
    own: str | None = None
    found = []
    for answer in question.answers:
        if answer.library is not None and not installed(answer.library):
            found.append((answer.library, answer.text, "not installed", ""))
            continue
        result = _result(answer.call)
        own = result if own is None else own
        same = "" if answer.library is None else "yes" if result == own else "no"
        found.append((answer.library or "cpool", answer.text, result, same))
    return found


def _result(call: Call) -> str:
    """What a call gives, as text."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return _text(call())
        except Exception as error:  # of any library: that it refuses is the answer
            return f"refused ({type(error).__name__})"


def _text(values: Any) -> str:
    def number(value: Any) -> str:
        if value != value:
            return "NaN"
        return format(float(value), ".4g").replace("-", "−").replace("inf", "∞")

    return ", ".join(map(number, np.asarray(values).ravel()))


def overview(answers: list[list[Row]]) -> list[list[str]]:
    """A row for each question: whether each library answers as cpool does."""
    names = [name for name in LIBRARIES if name != "NumPy"]
    table = [["question", *names]]
    for question, found in zip(QUESTIONS, answers, strict=True):
        cells = []
        for name in names:
            said = {"refuses" if row[2].startswith("refused") else row[3] or row[2]
                    for row in found if row[0] == name}  # fmt: skip
            cells.append("depends" if len(said) > 1 else next(iter(said), ""))
        table.append([question.title, *cells])
    return table


def versions() -> str:
    return ", ".join(f"{name} {version_of(name)}" for name in LIBRARIES if installed(name))


def as_text() -> str:
    parts = [versions()]
    for question in QUESTIONS:
        parts.append(f"\n{question.title}: {question.input}")
        parts += ["  {:14} {:42} {:32} {}".format(*row).rstrip() for row in rows(question)]
    return "\n".join(parts)


def as_rst() -> str:
    answers = [rows(question) for question in QUESTIONS]
    lines = [f"Made with cpool {cpool.__version__}, {versions()}.", "",
             "Does the library answer as cpool does? Empty: it was not asked; depends: on an "
             "option of the library, see below.", "", ".. list-table::", "   :header-rows: 1",
             "   :widths: 30 10 10 10 10 10 10 10", ""]  # fmt: skip
    for row in overview(answers):
        lines += [f"   {'  -' if i else '* -'} {cell}" for i, cell in enumerate(row)]
    lines.append("")
    for question, found in zip(QUESTIONS, answers, strict=True):
        lines += [f".. rubric:: {question.title}", "", f"{question.input}:", "",
                  ".. list-table::", "   :header-rows: 1", "   :widths: 18 40 32 10", "",
                  "   * - library", "     - call", "     - result", "     - as cpool"]  # fmt: skip
        for library, call, result, same in found:
            lines += [f"   * - {library}", f"     - ``{call}``", f"     - {result}",
                      f"     - {same}"]  # fmt: skip
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_text())
