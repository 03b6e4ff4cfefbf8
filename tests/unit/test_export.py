"""ONNX files that are the model, in three precisions; and what happens where one is not."""

import shutil

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from asr_helpers import export
from asr_helpers.audio import Audio
from asr_helpers.export import (
    ExportError,
    export_onnx,
    halve,
    largest_difference,
    open_onnx,
    quantise,
    quantise_dynamic,
    transcribe_onnx,
)
from asr_helpers.inference import transcribe

SMALL = dict(
    hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
    conv_dim=(32, 32), conv_kernel=(10, 4), conv_stride=(5, 2), num_feat_extract_layers=2,
    num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, vocab_size=32,
)  # fmt: skip


def small(**settings):
    torch.manual_seed(0)
    return Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL, **settings)).eval()


def initializers(path):
    """{name: (data type, number of values)} of an ONNX file's weights."""
    import onnx

    model = onnx.load(path)
    return model, {t.name: (t.data_type, int(np.prod(t.dims))) for t in model.graph.initializer}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """(the model, {precision: path}) of a small model with random weights."""
    folder, model = tmp_path_factory.mktemp("onnx"), small()
    paths = {name: folder / f"{name}.onnx" for name in ("float32", "float16", "int8", "dynamic")}
    export_onnx(model, paths["float32"])
    halve(paths["float32"], paths["float16"])
    quantise(paths["float32"], paths["int8"])
    quantise_dynamic(paths["float32"], paths["dynamic"])
    return model, paths


def test_the_file_equals_pytorch_at_any_length_on_noise_and_on_silence(files):
    model, paths = files
    gap, scale = largest_difference(model, paths["float32"], lengths=(1, 2, 3, 50, 51, 400))
    assert gap < 1e-4 * scale and scale > 0.1


def test_a_difference_is_seen(files):
    model, paths = files
    other = small()
    with torch.no_grad():
        other.lm_head.bias[3] += 0.5
    gap, _ = largest_difference(other, paths["float32"])
    assert 0.49 < gap < 0.51
    with torch.no_grad():
        other.lm_head.bias[3] = float("nan")
    assert largest_difference(other, paths["float32"])[0] == float("inf")


@pytest.mark.parametrize(("name", "share"), [("float16", 0.005), ("int8", 0.05), ("dynamic", 0.1)])
def test_smaller_files_differ_a_little(files, name, share):
    model, paths = files
    gap, scale = largest_difference(model, paths[name])
    assert 0 < gap < share * scale
    assert paths[name].stat().st_size < paths["float32"].stat().st_size


def test_only_matrices_are_stored_smaller(files):
    import onnx

    _, paths = files
    kinds = {"float16": onnx.TensorProto.FLOAT16, "int8": onnx.TensorProto.INT8}
    _, whole = initializers(paths["float32"])
    for name, kind in kinds.items():
        graph, stored = initializers(paths[name])
        matrices = [n for n, (k, _) in stored.items() if k == kind]
        assert len(matrices) == 6  # of the one layer: four of attention, two after it
        same = {n: facts for n, facts in stored.items() if n in whole}
        assert same == {n: whole[n] for n in same}
        products = [node for node in graph.graph.node if node.op_type == "MatMul"]
        assert len(products) == 10  # two products of attention have no weights


def test_dynamic_quantisation_leaves_the_convolutions(files):
    import onnx

    graph, kinds = initializers(files[1]["dynamic"])
    operators = {node.op_type for node in graph.graph.node}
    assert {"Conv", "MatMulInteger"} <= operators and "ConvInteger" not in operators
    convolutions = {node.input[1] for node in graph.graph.node if node.op_type == "Conv"}
    assert any(name in kinds for name in convolutions)
    for name in convolutions & set(kinds):
        assert kinds[name][0] == onnx.TensorProto.FLOAT


def test_each_column_is_rounded_in_steps_of_its_own(files):
    import onnx

    _, paths = files
    whole = {
        t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(paths["float32"]).graph.initializer
    }
    small = {
        t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(paths["int8"]).graph.initializer
    }
    names = [name for name in whole if f"{name}_int8" in small]
    for name in names:
        steps = small[f"{name}_scales"]
        assert steps.shape == (whole[name].shape[1],)
        assert (np.abs(small[f"{name}_int8"] * steps - whole[name]) <= 0.501 * steps).all()
        assert (np.abs(small[f"{name}_int8"]).max(axis=0) == 127).all()


def test_a_front_end_with_large_numbers_survives_every_precision(tmp_path):
    """As of a base model that adds 1000 to all channels before the layers, which take it away."""
    model = small(do_stable_layer_norm=True)
    with torch.no_grad():
        model.wav2vec2.feature_projection.projection.bias += 1000.0
    whole = export_onnx(model, tmp_path / "float32.onnx")
    gap, scale = largest_difference(model, whole)
    assert gap < 1e-3 * scale
    for store, share in ((halve, 0.005), (quantise, 0.05), (quantise_dynamic, 0.1)):
        gap, _ = largest_difference(model, store(whole, tmp_path / "small.onnx"))
        assert gap < share * scale, store.__name__


def test_a_file_without_names_of_layers_is_refused(files, tmp_path):
    import onnx

    graph = onnx.load(files[1]["float32"])
    for node in graph.graph.node:
        del node.metadata_props[:]
    onnx.save(graph, tmp_path / "nameless.onnx")
    for store in (halve, quantise, quantise_dynamic):
        with pytest.raises(ExportError, match="names no weight matrix"):
            store(tmp_path / "nameless.onnx", tmp_path / "small.onnx")


def test_layer_norms_below_and_a_top_that_joins_no_frames_can_be_exported(tmp_path):
    """The model of `files` has group norm and no top."""
    model = small(
        feat_extract_norm="layer", do_stable_layer_norm=True, add_adapter=True, adapter_stride=1
    )
    export_onnx(model, tmp_path / "model.onnx")
    gap, scale = largest_difference(model, tmp_path / "model.onnx")
    assert gap < 1e-4 * scale


@pytest.fixture
def copied(files, monkeypatch):
    """An exporter that takes no time: it saves a file of `files`, whatever the model is."""

    class Program:
        def save(self, path, external_data):
            shutil.copy(files[1]["float32"], path)

    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: Program())


def test_the_model_stays_as_it_was(tmp_path, copied, monkeypatch):
    monkeypatch.setattr(export, "largest_difference", lambda model, path: (0.0, 10.0))
    model = small().to(torch.bfloat16).train()
    model.set_attn_implementation("sdpa")
    export_onnx(model, tmp_path / "model.onnx")
    assert model.dtype == torch.bfloat16 and model.training
    assert model.config._attn_implementation == "sdpa"


def test_a_model_whose_frames_are_joined_is_refused(tmp_path):
    with pytest.raises(ExportError, match="add_adapter"):
        export_onnx(small(add_adapter=True), tmp_path / "model.onnx")


def test_an_export_that_is_wrong_is_refused_and_leaves_no_file(tmp_path, copied):
    other = small()
    with torch.no_grad():
        other.lm_head.bias[3] += 0.5
    with pytest.raises(ExportError, match=r"differ by 0\.5"):
        export_onnx(other, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(
        export.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name))
    )
    with pytest.raises(ImportError, match="package onnx, .* `pip install onnx onnxscript"):
        export_onnx(small(), tmp_path / "model.onnx")
    with pytest.raises(ImportError, match="package onnxruntime,"):
        open_onnx(tmp_path / "model.onnx")


def test_importing_the_module_needs_none_of_the_packages():
    import subprocess
    import sys

    code = (
        "import sys; sys.modules.update(dict.fromkeys(['onnx', 'onnxscript', 'onnxruntime']));"
        "import asr_helpers.export, asr_helpers.web_page"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_transcripts_of_ten_clips_equal_pytorchs(lettered, few, processor, tmp_path):
    model = Wav2Vec2ForCTC.from_pretrained(lettered).eval()
    clips = few.select(range(10)).cast_column("audio", Audio(sampling_rate=16_000))
    waveforms = [row["array"] for row in clips["audio"]]
    expected = transcribe(model, processor, waveforms)
    whole = export_onnx(model, tmp_path / "float32.onnx")
    assert transcribe_onnx(open_onnx(whole), model.config, processor, waveforms) == expected
    assert len({text for text in expected if text}) > 5
    session = open_onnx(halve(whole, tmp_path / "float16.onnx"))
    assert (
        transcribe_onnx(session, model.config, processor, waveforms) == expected
    )  # the base model and its head are stored in half precision anyway
    session = open_onnx(quantise(whole, tmp_path / "int8.onnx"))
    texts = transcribe_onnx(session, model.config, processor, waveforms)
    assert sum(text == other for text, other in zip(texts, expected)) >= 7
