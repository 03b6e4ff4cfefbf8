"""A fine-tuned model as an ONNX file, which runs without PyTorch, and as a smaller one.

The packages `onnx`, `onnxscript` and `onnxruntime` are loaded when they are first needed; they are
not among what the rest of the course needs.
"""

import copy
import importlib
import logging
import warnings
from pathlib import Path

import numpy as np
import torch

from asr_helpers.long_form import frame_geometry

OPSET = 18  # the version of ONNX's operators


class ExportError(RuntimeError):
    """An export that is not the model; the message says by how much it differs."""


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
    # The exporter and the libraries below it warn about their own insides.
    with warnings.catch_warnings(), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Logits(plain), (example,), dynamo=True, opset_version=OPSET, verbose=False,
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
    """How far an ONNX file's logits are from a model's, on noise and on silence.

    Args:
        model: a CTC model on the CPU.
        path: of the ONNX file.
        lengths: how many frames of sound to try.

    Returns:
        (the largest difference of two logits, the largest size of a logit of the model). A NaN
        counts as an infinite difference.

    Raises:
        ExportError: the model gives more or fewer frames than its convolutions make.
    """
    hop, window = frame_geometry(model.config)
    session, random = open_onnx(path), np.random.default_rng(0)
    gap, scale = 0.0, 0.0
    for frames in lengths:
        noise = random.standard_normal((1, (frames - 1) * hop + window), dtype=np.float32)
        for values in (noise, np.zeros_like(noise)):
            with torch.inference_mode():
                expected = model(torch.from_numpy(values)).logits.numpy()
            if expected.shape[1] != frames:
                raise ExportError(
                    f"The model makes {expected.shape[1]} frames of sound for {frames}: models with "
                    "layers that join frames (`add_adapter`) cannot be exported."
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


def transcribe_onnx(session, processor, waveforms) -> list[str]:
    """Greedy CTC transcripts by an ONNX model, one waveform at a time, as `transcribe` makes them.

    Args:
        session: from `open_onnx`.
        processor: the model's.
        waveforms: float arrays of shape (samples,), at the model's rate.
    """
    rate, texts = processor.feature_extractor.sampling_rate, []
    for waveform in waveforms:
        values = processor(audio=waveform, sampling_rate=rate, return_tensors="np").input_values
        logits = session.run(None, {"input_values": values.astype(np.float32)})[0]
        texts += processor.batch_decode(logits.argmax(axis=-1))
    return texts


def quantise(source: str | Path, path: str | Path) -> Path:
    """Write an ONNX file whose matrix products are in int8, from one in float32.

    Each weight matrix becomes whole numbers from 0 to 255 with one scale a column; the other factor
    is rounded in the same way while the model runs, with a scale for each call ("dynamic"). The
    convolutions stay in float32: onnxruntime has no fast int8 convolution for the CPU, and a front
    end that computes a logarithm or a square needs the range.

    Args:
        source: a file of `export_onnx`.
        path: of the file to write.
    """
    quantization = package("onnxruntime.quantization")
    with _quiet("root"):
        quantization.quantize_dynamic(
            str(source), str(path), op_types_to_quantize=["MatMul"], per_channel=True,
            # Unsigned times unsigned is exact on every processor. Signed weights are a little
            # faster on some, and overflow on those that have AVX2 and no VNNI.
            weight_type=quantization.QuantType.QUInt8,
        )  # fmt: skip
    return Path(path)


def halve(source: str | Path, path: str | Path) -> Path:
    """Write an ONNX file whose weight matrices are kept in float16, from one in float32.

    The model still computes in float32, as a CPU does: a `Cast` follows each weight matrix.

    Args:
        source: a file of `export_onnx`.
        path: of the file to write.
    """
    onnx = package("onnx")
    model = onnx.load(str(source))
    graph = model.graph
    weights = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    casts = []
    for tensor in graph.initializer:
        if tensor.name in weights:
            half_name = tensor.name + "_float16"
            array = onnx.numpy_helper.to_array(tensor).astype(np.float16)
            casts.append(
                onnx.helper.make_node(
                    "Cast", [half_name], [tensor.name], to=onnx.TensorProto.FLOAT
                )
            )
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, half_name))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(path))
    return Path(path)


class _quiet:
    """Let loggers say only errors within `with`."""

    def __init__(self, *names: str):
        self.loggers = [logging.getLogger(None if name == "root" else name) for name in names]

    def __enter__(self):
        self.levels = [logger.level for logger in self.loggers]
        for logger in self.loggers:
            logger.setLevel(logging.ERROR)

    def __exit__(self, *_):
        for logger, level in zip(self.loggers, self.levels):
            logger.setLevel(level)
