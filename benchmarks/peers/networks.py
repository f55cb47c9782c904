"""Libraries that run networks: ONNX Runtime, OpenVINO, TensorFlow, JAX."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import measure
import numpy as np
from measure import Contender
from rows import CHANNELS_FIRST, CHANNELS_LAST, Data, Row, to_channels_first

from peers.base import LeftOutError, find, highest, lowest

if TYPE_CHECKING:
    import onnxruntime

#: Libraries whose backward pass starts from the input and the result keep nothing besides.
KEEPS_NOTHING = "its forward pass keeps no positions: see the row without vjp"


class _Fixed:
    """A library whose number of threads is fixed when a row is prepared."""

    role = measure.PEER
    naive = True

    def using(self, threads: int) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


# --- ONNX Runtime --------------------------------------------------------------------------------

ONNX_NODES = {"max": "MaxPool", "avg": "AveragePool", "global_avg": "GlobalAveragePool",
              "global_max": "GlobalMaxPool", "unpool": "MaxUnpool", "conv": "Conv",
              "depthwise_conv": "Conv", "roi_pool": "MaxRoiPool", "roi_align": "RoiAlign"}


class OnnxRuntime(_Fixed):
    """ONNX Runtime: a model of one node, its inputs and outputs bound to memory beforehand."""

    key = "onnxruntime"
    name = "ONNX Runtime"

    def __init__(self) -> None:
        self.version, self.missing = find("onnxruntime", "onnx")

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        import onnxruntime

        if row.backward or row.operator not in ONNX_NODES:
            return None
        if row.keeps:
            raise LeftOutError(KEEPS_NOTHING)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        given = _onnx_inputs(row, data)
        session = onnxruntime.InferenceSession(
            _onnx_model(row, given), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        value = onnxruntime.OrtValue.ortvalue_from_numpy
        inputs = [value(array) for array in given.values()]
        outputs = [value(np.zeros(row.output_shape, row.dtype))]
        if row.positions:
            outputs.append(value(np.zeros(row.output_shape, np.int64)))
        for name, bound in zip(given, inputs, strict=True):
            binding.bind_ortvalue_input(name, bound)
        for name, bound in zip(("y", "positions"), outputs, strict=False):
            binding.bind_ortvalue_output(name, bound)
        # The binding does not keep the memory of its values alive: `arrays` does.
        arrays = functools.partial(_onnx_arrays, row, inputs, outputs)
        call = functools.partial(session.run_with_iobinding, binding)
        return Contender(self.name, self.role, call, arrays)


def _onnx_inputs(row: Row, data: Data) -> dict[str, np.ndarray]:
    inputs = {"x": data.x(CHANNELS_FIRST)}
    if row.operator == "unpool":
        # ONNX counts positions through the whole tensor, not from the start of a plane.
        plane = math.prod(row.output_shape[2:])
        starts = np.arange(math.prod(row.shape[:2])) * plane
        places = data.positions(CHANNELS_FIRST)
        inputs["places"] = places + starts.reshape(*row.shape[:2], *(1,) * row.rank)
    given = data.given(CHANNELS_FIRST)
    if "weight" in given:
        inputs["weight"] = given["weight"]
    if row.operator == "roi_align":
        inputs["boxes"] = np.ascontiguousarray(given["boxes"][:, 1:])
        inputs["numbers"] = given["boxes"][:, 0].astype(np.int64)
    elif "boxes" in given:
        inputs["boxes"] = given["boxes"]
    return inputs


def _onnx_attributes(row: Row) -> dict[str, object]:
    arguments = row.arguments
    if row.is_global:
        return {}
    if row.operator == "roi_pool":
        return {"pooled_shape": list(row.output_shape[2:]),
                "spatial_scale": arguments["spatial_scale"]}
    if row.operator == "roi_align":
        height, width = row.output_shape[2:]
        mode = "half_pixel" if arguments["aligned"] else "output_half_pixel"
        return {"output_height": height, "output_width": width,
                "spatial_scale": arguments["spatial_scale"],
                "sampling_ratio": arguments["sampling_ratio"],
                "coordinate_transformation_mode": mode}
    attributes: dict[str, object] = {"kernel_shape": list(row.kernel), "strides": list(row.stride),
                                     "pads": [*row.padding, *row.padding]}
    if row.operator == "avg":
        attributes["count_include_pad"] = 1
    if row.operator == "depthwise_conv":
        attributes["group"] = row.shape[1]
    return attributes


def _onnx_model(row: Row, given: Mapping[str, np.ndarray]) -> bytes:
    from onnx import helper

    element = helper.np_dtype_to_tensor_dtype(np.dtype(row.dtype))
    integer = helper.np_dtype_to_tensor_dtype(np.dtype(np.int64))
    inputs = [helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()]
    outputs = [helper.make_tensor_value_info("y", element, row.output_shape)]
    if row.positions:
        outputs.append(helper.make_tensor_value_info("positions", integer, row.output_shape))
    node = helper.make_node(ONNX_NODES[row.operator], [each.name for each in inputs],
                            [each.name for each in outputs], **_onnx_attributes(row))
    graph = helper.make_graph([node], "row", inputs, outputs)
    # Versions that every supported ONNX Runtime reads; 16-bit brain floats came with opset 22, the
    # two ways to align regions with opset 16.
    opset = 22 if row.dtype == "bfloat16" else 16 if row.operator == "roi_align" else 13
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                              ir_version=10 if opset > 16 else 8)
    return model.SerializeToString()


def _onnx_arrays(row: Row, inputs: Sequence[onnxruntime.OrtValue],
                 outputs: Sequence[onnxruntime.OrtValue], result: None) -> tuple[np.ndarray, ...]:
    # Copies: what numpy() gives does not keep the memory alive that the value is bound to.
    values, *positions = (np.array(value.numpy()) for value in outputs)
    return values, *(each % math.prod(row.shape[2:]) for each in positions)


# --- OpenVINO ------------------------------------------------------------------------------------

class OpenVino(_Fixed):
    """OpenVINO: a model of one operator, compiled for so many threads, over shared memory."""

    key = "openvino"
    name = "OpenVINO"

    def __init__(self) -> None:
        self.version, self.missing = find("openvino")
        # Behind the release stands the commit.
        self.version = self.version.partition("-")[0]

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        import openvino

        if row.backward or row.reduction not in {"max", "avg"}:
            return None
        if row.keeps:
            raise LeftOutError(KEEPS_NOTHING)
        if row.dtype == "bfloat16":
            raise LeftOutError("its Python tensors do not take NumPy's bfloat16")
        if row.dtype == "float64":
            raise LeftOutError("computes float64 in float32")
        model = _openvino_model(row)
        compiled = openvino.Core().compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            # Else it may compute in 16 bits where the processor can.
            "INFERENCE_PRECISION_HINT": "f16" if row.dtype == "float16" else "f32",
        })
        request = compiled.create_infer_request()
        kept = [data.x(CHANNELS_FIRST), np.zeros(row.output_shape, row.result_dtype)]
        if row.positions:
            kept.append(np.zeros(row.output_shape, np.int64))
        # Neither tensors nor request keep the arrays alive: `arrays` does.
        tensors = [openvino.Tensor(array, shared_memory=True) for array in kept]
        request.set_input_tensor(tensors[0])
        for number, tensor in enumerate(tensors[1:]):
            request.set_output_tensor(number, tensor)
        arrays = functools.partial(_openvino_arrays, row, kept)
        return Contender(self.name, self.role, request.infer, arrays)


def _openvino_arrays(row: Row, kept: Sequence[np.ndarray],
                     result: object) -> tuple[np.ndarray, ...]:
    _, values, *positions = kept
    # They count through the whole tensor, as ONNX's do.
    return values, *(each % math.prod(row.shape[2:]) for each in positions)


def _openvino_model(row: Row) -> Any:
    import openvino
    from openvino import opset8

    x = opset8.parameter(row.shape, np.dtype(row.dtype), name="x")
    sizes, pads = row.output_shape[2:], (list(row.padding), list(row.padding))
    if row.is_global:
        reduce = opset8.reduce_mean if row.reduction == "avg" else opset8.reduce_max
        node = reduce(x, list(range(2, 2 + row.rank)), True)
    elif row.is_adaptive and row.reduction == "avg":
        node = opset8.adaptive_avg_pool(x, list(sizes))
    elif row.is_adaptive:
        node = opset8.adaptive_max_pool(x, list(sizes), "i32")
    elif row.reduction == "avg":
        node = opset8.avg_pool(x, list(row.stride), *pads, list(row.kernel), exclude_pad=False)
    else:
        node = opset8.max_pool(x, list(row.stride), [1] * row.rank, *pads, list(row.kernel),
                               index_element_type="i64")
    outputs = [node.output(number) for number in range(1 + row.positions)]
    return openvino.Model(outputs, [x], "row")


# --- TensorFlow ----------------------------------------------------------------------------------

class TensorFlow(_Fixed):
    """TensorFlow, channels last: on a CPU its pooling knows no other layout.

    A session of its own for each row: the threads of eager calls are fixed once in a process.
    """

    key = "tensorflow"
    name = "TensorFlow"

    def __init__(self) -> None:
        # Read on import: keeps its notes to itself, gives each session the threads it asks for.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["TF_OVERRIDE_GLOBAL_THREADPOOL"] = "1"
        self.version, self.missing = find("tensorflow")

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        import tensorflow

        if row.reduction not in {"max", "avg"} or row.is_adaptive:
            return None
        if row.keeps:
            raise LeftOutError(KEEPS_NOTHING)
        v1 = tensorflow.compat.v1
        config = v1.ConfigProto(intra_op_parallelism_threads=threads,
                                inter_op_parallelism_threads=1)
        region = ()
        with tensorflow.Graph().as_default():
            session = v1.Session(config=config)
            x = _tf_stored(session, data.x(CHANNELS_LAST))
            if row.backward:
                outputs = [_tf_backward(row, session, x, data.gy(CHANNELS_LAST))]
            elif row.is_global:
                reduce = tensorflow.reduce_mean if row.reduction == "avg" else tensorflow.reduce_max
                outputs = [reduce(x, tuple(range(1, 1 + row.rank)), keepdims=True)]
            else:
                outputs = _tf_forward(row, x)
                region = _tf_region(row)
            # Runs without handing the result to NumPy.
            call = session.make_callable(outputs[0].op)
        arrays = functools.partial(_tf_arrays, row, session, outputs)
        return Contender(self.name, self.role, call, arrays, region=region)


def _tf_stored(session: Any, array: np.ndarray) -> Any:
    """Return a tensor of the graph whose values lie in a variable."""
    import tensorflow

    v1 = tensorflow.compat.v1
    given = v1.placeholder(array.dtype, array.shape)
    variable = v1.Variable(given, use_resource=True)
    session.run(variable.initializer, {given: array})
    return variable.read_value()


def _tf_padding(row: Row) -> str | list[list[int]]:
    if not any(row.padding):
        return "VALID"
    if all(stride == 1 and kernel == 2 * padding + 1 for kernel, stride, padding in row.windows):
        return "SAME"
    if row.reduction == "avg" or row.rank == 3:
        raise LeftOutError("its averages and its 3-D pooling cannot pad both ends with this stride")
    return [[0, 0], *([padding, padding] for padding in row.padding), [0, 0]]


def _tf_region(row: Row) -> tuple[slice, ...]:
    """Return where its result is cpool's: its averages do not count padding."""
    if row.reduction != "avg":
        return ()
    return (slice(None), slice(None),
            *(slice(padding, n - padding)
              for padding, n in zip(row.padding, row.output_shape[2:], strict=True)))


def _tf_forward(row: Row, x: Any) -> list[Any]:
    import tensorflow

    padding = _tf_padding(row)
    if row.positions:
        if not isinstance(padding, str):
            raise LeftOutError("its positions come without padding at both ends")
        return list(tensorflow.nn.max_pool_with_argmax(x, row.kernel, row.stride, padding))
    function = getattr(tensorflow.nn, f"{row.reduction}_pool{row.rank}d")
    return [function(x, list(row.kernel), list(row.stride), padding)]


def _tf_backward(row: Row, session: Any, x: Any, gy: np.ndarray) -> Any:
    import tensorflow

    if row.rank != 2 or row.is_global:
        raise LeftOutError("only its 2-D sliding windows have a call for the gradient alone")
    padding = _tf_padding(row)
    options: dict[str, object] = {"ksize": [1, *row.kernel, 1], "strides": [1, *row.stride, 1]}
    gradient = _tf_stored(session, gy)
    if row.reduction == "avg":
        if any(row.padding):
            raise LeftOutError("its averages do not count padding")
        shape = tensorflow.constant([row.shape[0], *row.shape[2:], row.shape[1]])
        return tensorflow.raw_ops.AvgPoolGrad(
            orig_input_shape=shape, grad=gradient, padding=padding, **options)
    y = _tf_stored(session, session.run(_tf_forward(row, x)[0]))
    if not isinstance(padding, str):
        options["explicit_paddings"] = [end for ends in padding for end in ends]
        padding = "EXPLICIT"
    return tensorflow.raw_ops.MaxPoolGrad(
        orig_input=x, orig_output=y, grad=gradient, padding=padding, **options)


def _tf_arrays(row: Row, session: Any, outputs: Sequence[Any],
               result: None) -> tuple[np.ndarray, ...]:
    values, *positions = session.run(outputs)
    # Its positions count through all channels.
    positions = [each // row.shape[1] for each in positions]
    return tuple(to_channels_first(each, CHANNELS_LAST) for each in (values, *positions))


# --- JAX -----------------------------------------------------------------------------------------

class Jax:
    """JAX: compiled for the row, in the layout of the row."""

    role = measure.PEER
    naive = True
    key = "jax"
    name = "JAX"

    def __init__(self) -> None:
        self.version, self.missing = find("jax")
        self._devices: dict[int, Any] = {}
        if not self.missing:
            import jax

            jax.config.update("jax_enable_x64", True)

    def using(self, threads: int) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def contender(self, row: Row, data: Data, threads: int) -> Contender | None:
        import jax

        if row.positions or not (row.is_sliding or row.operator in {"global_avg", "global_max"}):
            return None
        if row.keeps:
            raise LeftOutError(KEEPS_NOTHING)
        if row.reduction == "avg" and np.dtype(row.dtype).kind in "iu":
            raise LeftOutError("it adds integers in their own type, where sums do not fit")
        device = self._device(threads)
        x = jax.device_put(data.x(row.layout), device)
        function = functools.partial(_jax_pool, row)
        compiled, given = jax.jit(function), (x,)
        if row.backward:
            _, pullback = jax.vjp(function, x)
            gy = jax.device_put(data.gy(row.layout), device)
            compiled, given = jax.jit(lambda pull, g: pull(g)[0]), (pullback, gy)

        def call() -> object:
            return compiled(*given).block_until_ready()

        return Contender(self.name, self.role, call,
                         lambda result: (to_channels_first(np.asarray(result), row.layout),))

    def _device(self, threads: int) -> Any:
        """Return a CPU with so many threads: a client of its own, made once."""
        from jaxlib import xla_client

        if threads not in self._devices:
            # The only place where XLA reads it is here, when the client is made.
            with _environment("NPROC", str(threads)):
                self._devices[threads] = xla_client.make_cpu_client().local_devices()[0]
        return self._devices[threads]


def _jax_pool(row: Row, x: Any) -> Any:
    from jax import lax, numpy

    first = 1 if row.layout == CHANNELS_LAST else 2
    if row.is_global:
        reduce = numpy.mean if row.reduction == "avg" else numpy.max
        return reduce(x, tuple(range(first, first + row.rank)), keepdims=True)
    start, combine = {
        "max": (lowest(row.dtype), lax.max),
        "min": (highest(row.dtype), lax.min),
    }.get(row.reduction, (0, lax.add))
    y = lax.reduce_window(x, np.array(start, row.dtype), combine,
                          *(_jax_axes(row, first, values, rest) for values, rest in (
                              (row.kernel, 1), (row.stride, 1),
                              ([(padding, padding) for padding in row.padding], (0, 0)))))
    return y * np.array(1 / row.taps, row.dtype) if row.reduction == "avg" else y


def _jax_axes(row: Row, first: int, values: Sequence[object], rest: object) -> tuple[object, ...]:
    """Return one entry for each axis: the values for the pooled ones."""
    entries = [rest] * (2 + row.rank)
    entries[first:first + row.rank] = values
    return tuple(entries)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
