"""A fine-tuned model as an ONNX file, which runs without PyTorch, and as a smaller one.

The packages `onnx`, `onnxscript` and `onnxruntime` are loaded when they are first needed. The rest of
the course does not need them.
"""

import copy
import importlib
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_helpers.chunks import chunked_logits
from asr_helpers.devices import device
from asr_helpers.frames import frame_geometry

OPSET = 18  # the version of ONNX's operators
FLOAT = 1  # ONNX's number for float32


class ExportError(RuntimeError):
    """An exported file that computes other logits than the model; the message says what differs."""


def package(name: str):
    """The module `name` of one of the packages that exporting needs.

    Raises:
        ImportError: the package is missing; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        top = name.split(".")[0]
        raise ImportError(
            f"This needs the package {top}, which is not installed: run `pip install onnx "
            "onnxscript onnxruntime`, or `python course.py setup` in the course's folder."
        ) from error


class _Centred(torch.nn.Module):
    """A layer norm that subtracts the mean before it normalises.

    In exact arithmetic this changes nothing. But ONNX Runtime computes the variance as the mean of
    the squares minus the square of the mean. If the mean is large, rounding in float32 destroys the
    difference.
    """

    def __init__(self, norm: torch.nn.LayerNorm):
        super().__init__()
        self.norm = norm

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.norm(values - values.mean(dim=-1, keepdim=True))


def _centre_norms(module: torch.nn.Module) -> None:
    """Put a `_Centred` in the place of every layer norm within `module`."""
    for name, child in module.named_children():
        if isinstance(child, torch.nn.LayerNorm) and len(child.normalized_shape) == 1:
            setattr(module, name, _Centred(child))
        else:
            _centre_norms(child)


class _Logits(torch.nn.Module):
    """A CTC model with one input and one output: what the ONNX file will be."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.model(input_values=input_values).logits


def export_onnx(model: torch.nn.Module, path: str | Path) -> Path:
    """Write a CTC model to an ONNX file in float32, for one utterance of any length.

    The file's graph takes `input_values`, float32 of shape (1, samples), as the processor makes
    them, and gives `logits`, float32 of shape (1, frames, vocab). The model itself is not changed.

    Args:
        model: such as a `Wav2Vec2ForCTC`, on any device and in any precision.
        path: of the file to write.

    Returns:
        The path.

    Raises:
        ImportError: a package is missing.
        ExportError: the file's logits differ from the model's; see `largest_difference`.
    """
    package("onnx"), package("onnxscript")
    plain = copy.deepcopy(model).to(device="cpu", dtype=torch.float32).eval()
    plain.set_attn_implementation("eager")
    hop, window = frame_geometry(plain.config)
    example = torch.zeros(1, 50 * hop + window)
    traced = copy.deepcopy(plain)
    _centre_norms(traced)
    # The exporter and the libraries that it uses warn about their own code.
    with warnings.catch_warnings(), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Logits(traced), (example,), dynamo=True, opset_version=OPSET, verbose=False,
            input_names=["input_values"], output_names=["logits"],
            dynamic_shapes={"input_values": {1: torch.export.Dim.DYNAMIC}},
        )  # fmt: skip
        program.save(str(path), external_data=False)
    gap, scale = largest_difference(plain, path)
    if gap > 1e-3 * max(scale, 1.0):
        Path(path).unlink()
        raise ExportError(
            f"The exported model's logits differ by {gap:.3g} from PyTorch's, which reach "
            f"{scale:.3g}: use the versions of torch, onnx and onnxscript in environment.yml."
        )
    return Path(path)


def largest_difference(
    model: torch.nn.Module, path: str | Path, lengths: tuple[int, ...] = (1, 7, 40, 133)
) -> tuple[float, float]:
    """How far an ONNX file's logits are from a model's in float64, on noise and on silence.

    In float32, PyTorch's logits can be as wrong as the file's. So the model in float64 is the
    reference.

    Args:
        model: a CTC model, in any precision.
        path: of the ONNX file.
        lengths: how many frames of sound to try.

    Returns:
        (the largest difference of two logits, the largest size of a logit of the model). A NaN
        counts as an infinite difference.

    Raises:
        ExportError: the model gives more or fewer frames than its convolutions make.
    """
    hop, window = frame_geometry(model.config)
    exact = copy.deepcopy(model).to(device=device(), dtype=torch.float64).eval()
    session, random = open_onnx(path), np.random.default_rng(0)
    gap, scale = 0.0, 0.0
    for frames in lengths:
        noise = random.standard_normal((1, (frames - 1) * hop + window), dtype=np.float32)
        for values in (noise, np.zeros_like(noise)):
            with torch.inference_mode():
                samples = torch.from_numpy(values).double().to(exact.device)
                expected = exact(samples).logits.cpu().numpy()
            if expected.shape[1] != frames:
                raise ExportError(
                    f"The convolutions make {frames} frames of a sound, and the model makes "
                    f"{expected.shape[1]}: models with layers that join frames (`add_adapter` with a "
                    "stride above 1) cannot be exported."
                )
            logits = session.run(None, {"input_values": values})[0]
            difference = float(np.abs(logits - expected).max())
            gap = max(gap, difference if np.isfinite(difference) else np.inf)
            scale = max(scale, float(np.abs(expected).max()))
    return gap, scale


def open_onnx(path: str | Path, threads: int = 1):
    """An `onnxruntime.InferenceSession` of an ONNX file, on the CPU.

    Raises:
        ImportError: onnxruntime is missing.
    """
    runtime = package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def transcribe_onnx(session, config: Any, processor, waveforms) -> list[str]:
    """Greedy CTC transcripts by an ONNX model, in chunks of 12 s, as the web page makes them.

    Args:
        session: from `open_onnx`.
        config: the model's, which tells its convolutions.
        processor: the model's.
        waveforms: float arrays of shape (samples,), at the model's rate.
    """

    def read(samples):
        return torch.from_numpy(session.run(None, {"input_values": samples[None]})[0][0])

    logits = (chunked_logits(read, config, processor, waveform) for waveform in waveforms)
    return [processor.decode(one.argmax(dim=-1)) for one in logits]


def halve(source: str | Path, path: str | Path) -> Path:
    """Write an ONNX file with the transformer layers' matrices in float16, from one in float32.

    The model still computes in float32, as a CPU does: the runtime converts each matrix once, when
    it loads the file.

    Args:
        source: a file of `export_onnx`.
        path: of the file to write.
    """

    def cast(name, matrix):
        onnx = package("onnx")
        stored = onnx.numpy_helper.from_array(matrix.astype(np.float16), f"{name}_float16")
        return [stored], [onnx.helper.make_node("Cast", [stored.name], [name], to=FLOAT)]

    return _store_matrices(source, path, cast)


def quantise(source: str | Path, path: str | Path) -> Path:
    """Write an ONNX file with the transformer layers' matrices in int8, from one in float32.

    Each column of a matrix is divided by a scale of its own, such that its largest weight becomes
    127, and rounded. The model still computes in float32: the runtime multiplies each matrix by its
    scales once, when it loads the file.

    Args:
        source: a file of `export_onnx`.
        path: of the file to write.
    """

    def dequantise(name, matrix):
        onnx = package("onnx")
        scales = (np.abs(matrix).max(axis=0) / 127).astype(np.float32)
        scales[scales == 0] = 1.0
        rounded = np.rint(matrix / scales).astype(np.int8)
        stored = [
            onnx.numpy_helper.from_array(rounded, f"{name}_int8"),
            onnx.numpy_helper.from_array(scales, f"{name}_scales"),
        ]
        whole = f"{name}_whole"  # whole numbers, as float32
        return stored, [
            onnx.helper.make_node("Cast", [stored[0].name], [whole], to=FLOAT),
            onnx.helper.make_node("Mul", [whole, stored[1].name], [name]),
        ]

    return _store_matrices(source, path, dequantise)


def quantise_dynamic(source: str | Path, path: str | Path) -> Path:
    """Write an ONNX file whose transformer layers multiply in int8, from one in float32.

    The weights are rounded as in `quantise`. While the model runs, the other factor of each product
    is rounded, too. All numbers of this factor share one scale, so a few large numbers make the
    steps coarse for all others. The convolutions stay in float32: onnxruntime has no fast int8
    convolution for the CPU.

    Args:
        source: a file of `export_onnx`.
        path: of the file to write.
    """
    quantization = package("onnxruntime.quantization")
    graph = package("onnx").load(str(source)).graph
    layers = [node.name for node in _layer_products(graph)]
    with _quiet("root"):
        quantization.quantize_dynamic(
            str(source), str(path), op_types_to_quantize=["MatMul"], nodes_to_quantize=layers,
            per_channel=True,
            # Products of unsigned numbers are exact on every processor. With signed weights,
            # numbers overflow on processors that have AVX2 and lack VNNI (instructions for int8).
            weight_type=quantization.QuantType.QUInt8,
        )  # fmt: skip
    return Path(path)


def _layer_products(graph) -> list:
    """The nodes that multiply by a weight matrix of a transformer layer.

    They hold most of a model's weights. What comes before them, the front end, can need the range
    and the precision of float32: a model may add large constants there, for the layers to take away.

    Raises:
        ExportError: there are none.
    """
    matrices = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2}
    nodes = [
        node
        for node in graph.node
        if node.op_type == "MatMul"
        and node.input[1] in matrices
        and any("encoder.layers." in entry.value for entry in node.metadata_props)
    ]
    if not nodes:
        raise ExportError(
            "The ONNX file names no weight matrix of a transformer layer: make the file with "
            "`export_onnx`, or keep float32."
        )
    return nodes


def _store_matrices(source, path, store):
    """Copy an ONNX file, with the weight matrices of its transformer layers stored in another way.

    Args:
        store: a function of a name and a matrix of shape (inputs, outputs). It returns what to
            store in place of the matrix, and the nodes that restore the matrix.
    """
    onnx = package("onnx")
    model = onnx.load(str(source))
    graph = model.graph
    factors = {node.input[1] for node in _layer_products(graph)}
    kept, nodes = [], []
    for tensor in graph.initializer:
        if tensor.name in factors:
            stored, makers = store(tensor.name, onnx.numpy_helper.to_array(tensor))
            kept += stored
            nodes += makers
        else:
            kept.append(tensor)
    nodes += graph.node
    kept, nodes = copy.deepcopy(kept), copy.deepcopy(nodes)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.save(model, str(path))
    return Path(path)


class _quiet:
    """Let loggers report only errors inside the `with` block."""

    def __init__(self, *names: str):
        self.loggers = [logging.getLogger(None if name == "root" else name) for name in names]

    def __enter__(self):
        self.levels = [logger.level for logger in self.loggers]
        for logger in self.loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_):
        for logger, level in zip(self.loggers, self.levels):
            logger.setLevel(level)
