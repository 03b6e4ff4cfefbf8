import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from asr_helpers.artifacts import discard, explained, require, saving


@pytest.fixture(scope="module")
def saved(tmp_path_factory, profile, processor):
    """A fine-tuned model as lesson 05 leaves it."""
    from asr_helpers.model import load_base_model

    folder = tmp_path_factory.mktemp("saved") / "05_finetuned"
    load_base_model(profile.base_model, processor, seed=0).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_what_exists_is_given_back(saved, tmp_path):
    assert require(saved, "05") == require(str(saved), "05") == saved
    (tmp_path / "metrics.json").write_text('{"wer": 0.5}')
    assert require(tmp_path / "metrics.json", "05") == tmp_path / "metrics.json"


def test_weights_under_the_names_of_an_earlier_pytorch_are_whole(saved, tmp_path):
    """`facebook/wav2vec2-base` has them, and so has a model that was fine-tuned from it."""
    folder = shutil.copytree(saved, tmp_path / "05_finetuned")
    former = {"parametrizations.weight.original0": "weight_g"}
    former |= {"parametrizations.weight.original1": "weight_v"}
    weights = load_file(folder / "model.safetensors")
    for today, before in former.items():
        (name,) = [name for name in weights if name.endswith(today)]
        weights[name.replace(today, before)] = weights.pop(name)
    save_file(weights, folder / "model.safetensors")
    assert require(folder, "05") == folder


def empty(file):
    file.write_bytes(b"")


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def without_head(file):
    save_file({k: v for k, v in load_file(file).items() if "lm_head" not in k}, file)


def with_nan(file):
    weights = load_file(file)
    weights["lm_head.bias"][3] = torch.nan
    save_file(weights, file)


def without_layer(file):
    save_file({k: v for k, v in load_file(file).items() if "layers.1." not in k}, file)


def saying(name, value):
    def harm(file):
        stored = json.loads(file.read_text()) | {name: value}
        file.write_text(json.dumps(stored))

    return harm


def nothing(file):
    file.write_text("{}")


def changed(**weights):
    def harm(file):
        stored = load_file(file)
        save_file({n: weights.get("all", lambda w: w)(w) for n, w in stored.items()}, file)

    return harm


def without_token(token):
    def harm(file):
        stored = json.loads(file.read_text())
        del stored[token]
        file.write_text(json.dumps(stored))

    return harm


def renaming(token, other):
    def harm(file):
        stored = json.loads(file.read_text())
        file.write_text(json.dumps({other if t == token else t: n for t, n in stored.items()}))

    return harm


def zeros_behind(file):
    file.write_bytes(file.read_bytes()[:-5000].ljust(file.stat().st_size, b"\0"))


def deep(file):
    file.write_text("[" * 200_000)


JSON = ["config.json", "vocab.json", "tokenizer_config.json", "processor_config.json"]


@pytest.mark.parametrize(
    ("name", "harm", "says"),
    [(name, Path.unlink, "is missing") for name in [*JSON, "model.safetensors"]]
    + [(name, empty, "is empty") for name in [*JSON, "model.safetensors"]]
    + [(name, cut, "is cut off") for name in [*JSON, "model.safetensors"]]
    + [(name, nothing, "holds nothing") for name in JSON]
    + [
        ("model.safetensors", without_head, "no CTC head"),
        ("model.safetensors", with_nan, "NaN"),
        ("model.safetensors", without_layer, "lacks .*layers.1"),
        ("vocab.json", saying("Ä", 99), "numbered 0 to 31"),
        ("vocab.json", saying("Ä", "one"), "numbered 0 to 31"),
        ("config.json", saying("vocab_size", None), "vocab_size"),
        ("vocab.json", without_token("E"), "lacks the tokens of the numbers"),
        ("vocab.json", saying("X", 5), "to another token|lacks the tokens"),
        ("vocab.json", saying("E", True), "numbered 0 to 31"),
        ("tokenizer_config.json", saying("pad_token", None), "calls the blank None"),
        ("tokenizer_config.json", saying("tokenizer_class", "BertTokenizer"), "not for CTC"),
        ("processor_config.json", saying("feature_extractor", []), "how many samples a second"),
        ("processor_config.json", saying("feature_extractor", {"sampling_rate": 0}), "samples a"),
        ("model.safetensors", changed(all=lambda w: w.to(torch.int8)), "whole numbers"),
        ("model.safetensors", changed(all=torch.zeros_like), "zeros alone"),
        ("model.safetensors", zeros_behind, "zeros"),
        ("config.json", deep, "no JSON"),
        ("config.json", saying("model_type", "bert"), "does not describe a CTC model"),
        ("config.json", saying("hidden_size", "wide"), "does not describe a CTC model"),
        ("config.json", saying("conv_stride", [0] * 7), "conv_stride"),
        *[
            ("config.json", saying("max_frames", value), "max_frames.*whole number")
            for value in (0, -5, "600", 600.5, True, [600])
        ],
        ("model.safetensors", changed(all=lambda w: w.to(torch.float8_e4m3fn)), "8 bits"),
    ],
)
def test_a_damaged_model_is_named_with_its_file_and_lesson(saved, tmp_path, name, harm, says):
    folder = tmp_path / "05_finetuned"
    shutil.copytree(saved, folder)
    harm(folder / name)
    with pytest.raises(ValueError, match=f"05_finetuned is damaged: {name}.*{says}.*lesson 05"):
        require(folder, "05")


@pytest.mark.parametrize(
    ("name", "harm", "says"),
    [
        ("tokenizer_config.json", saying("pad_token", "E"), "config.json .*blank.* 0, .*'E'"),
        ("config.json", saying("pad_token_id", 7), "config.json .*blank.* 7, .*'<pad>'"),
        ("tokenizer_config.json", saying("word_delimiter_token", "#"), "parts words with '#'"),
        ("vocab.json", renaming("|", "_"), r"parts words with '\|'"),
        ("config.json", saying("vocab_size", 10**9), "vocab.json lacks the tokens .* 32, 33"),
    ],
)
def test_files_of_two_models_in_one_folder_are_named(saved, tmp_path, name, harm, says):
    """Their texts would lack the spaces, or hold other letters, without an error."""
    folder = shutil.copytree(saved, tmp_path / "05_finetuned")
    harm(folder / name)
    with pytest.raises(ValueError, match=f"05_finetuned is damaged: .*{says}.*lesson 05"):
        require(folder, "05")


def test_weights_of_another_size_than_the_config_says_are_named(saved, tmp_path):
    folder = tmp_path / "05_finetuned"
    shutil.copytree(saved, folder)
    saying("intermediate_size", 100)(folder / "config.json")
    with pytest.raises(
        ValueError, match="model.safetensors has .* and config.json says.*lesson 05"
    ):
        require(folder, "05")


@pytest.mark.parametrize(("knob", "value"), [("num_hidden_layers", 1), ("conv_bias", False)])
def test_weights_that_the_config_does_not_ask_for_are_named(saved, tmp_path, knob, value):
    """They would be left out without a word, and what is written would be another text."""
    folder = shutil.copytree(saved, tmp_path / "05_finetuned")
    saying(knob, value)(folder / "config.json")
    with pytest.raises(ValueError, match="has .*, which config.json does not ask for.*lesson 05"):
        require(folder, "05")


def test_damaged_metrics_are_named(tmp_path):
    (tmp_path / "metrics.json").write_text('{"wer": 0.')
    with pytest.raises(ValueError, match="metrics.json is damaged.*lesson 05"):
        require(tmp_path / "metrics.json", "05")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_linked_folder_is_saved_where_the_link_leads(tmp_path):
    (tmp_path / "big").mkdir()
    link = tmp_path / "model"
    link.symlink_to(tmp_path / "big")
    for text in ("first", "second"):
        save(link, text)
        assert link.is_symlink() and told(tmp_path / "big") == {"a.txt": text, "b.txt": text}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "model"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_that_leads_nowhere_yet_and_a_linked_file_are_saved_too(tmp_path):
    (tmp_path / "model").symlink_to(tmp_path / "disk" / "model")
    save(tmp_path / "model", "first")
    assert told(tmp_path / "disk" / "model")["a.txt"] == "first"
    (tmp_path / "metrics.json").symlink_to(tmp_path / "disk" / "metrics.json")
    with saving(tmp_path / "metrics.json") as half:
        half.write_text("{}")
    assert (tmp_path / "disk" / "metrics.json").read_text() == "{}"


def linked_nowhere(place):
    place.symlink_to(place.parent / "disk that is not there")


def linked_in_a_circle(place):
    place.symlink_to(place)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("block", [linked_nowhere, linked_in_a_circle, Path.touch])
def test_what_stands_in_place_of_the_artifacts_is_named(tmp_path, block):
    """As when the disk that `artifacts` leads to is not there."""
    block(tmp_path / "artifacts")
    for inner in ("metrics.json", "smoke/metrics.json"):
        with (
            pytest.raises(OSError, match="metrics.json could not.*artifacts is no folder.*Remove"),
            saving(tmp_path / "artifacts" / inner) as half,
        ):
            half.write_text("{}")
    assert os.path.lexists(tmp_path / "artifacts")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_file_that_is_a_link_in_a_circle_is_named_and_stays(tmp_path):
    linked_in_a_circle(tmp_path / "metrics.json")
    with pytest.raises(OSError, match="metrics.json is no folder.*Remove"):  # noqa: SIM117
        with saving(tmp_path / "metrics.json") as half:
            half.write_text("{}")
    assert (tmp_path / "metrics.json").is_symlink()


def test_a_file_does_not_take_the_place_of_a_folder_nor_the_other_way_round(tmp_path):
    (tmp_path / "metrics.json").mkdir()
    (tmp_path / "metrics.json" / "notes.txt").write_text("mine")
    with pytest.raises(OSError, match="metrics.json is a folder, and a file.*Rename"):  # noqa: SIM117
        with saving(tmp_path / "metrics.json") as half:
            half.write_text("{}")
    assert told(tmp_path / "metrics.json") == {"notes.txt": "mine"}
    (tmp_path / "model").write_text("mine")
    with pytest.raises(OSError, match="model is a file, and a folder.*Rename"):
        save(tmp_path / "model", "first")
    assert (tmp_path / "model").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_discarding_takes_a_link_and_what_it_leads_to(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "checkpoint").write_text("weights")
    (tmp_path / "training").symlink_to(tmp_path / "disk")
    discard(tmp_path / "training")
    discard(tmp_path / "not there")
    assert list(tmp_path.iterdir()) == []


def test_names_with_brackets_are_no_patterns(tmp_path):
    save(tmp_path / "model[1]", "first")
    save(tmp_path / "model[1]", "second")
    assert [path.name for path in tmp_path.iterdir()] == ["model[1]"]


def test_what_is_missing_names_its_lesson_and_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="no_such.*lesson 05.*make course"):
        require(tmp_path / "no_such", "05")


def test_an_empty_folder_counts_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="lesson 05"):
        require(tmp_path, "05")


def save(path, text):
    """A folder of two files, as a model is saved."""
    with saving(path) as half:
        half.mkdir()
        (half / "a.txt").write_text(text)
        (half / "b.txt").write_text(text)


def told(path):
    return {file.name: file.read_text() for file in path.iterdir()}


def test_a_folder_takes_the_place_of_the_earlier_one(tmp_path):
    for text in ("first", "second"):
        save(tmp_path / "deep" / "model", text)
        assert told(tmp_path / "deep" / "model") == {"a.txt": text, "b.txt": text}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


def test_a_file_is_saved_the_same_way(tmp_path):
    for text in ("first", "second"):
        with saving(tmp_path / "metrics.json") as half:
            half.write_text(text)
    assert told(tmp_path) == {"metrics.json": "second"}


def test_what_fails_leaves_what_was_there(tmp_path):
    save(tmp_path / "model", "first")
    with pytest.raises(KeyboardInterrupt), saving(tmp_path / "model") as half:
        half.mkdir()
        (half / "a.txt").write_text("sec")
        raise KeyboardInterrupt
    assert told(tmp_path / "model") == {"a.txt": "first", "b.txt": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# Each ends the process at one moment of saving the second time.
MOMENTS = {
    "while it writes": "pathlib.Path.write_text",
    "before it swaps": "pathlib.Path.rename",
    "amid the swap": "pathlib.Path.replace",
    "before it tidies up": "shutil.rmtree",
}


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_leaves_one_of_the_two_whole(tmp_path, moment):
    save(tmp_path / "model", "first")
    code = (
        "import os, pathlib, shutil, signal, sys\n"
        "from test_artifacts import save\n"
        f"{MOMENTS[moment]} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "save(pathlib.Path(sys.argv[1]), 'second')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model"], cwd=Path(__file__).parent
    )
    assert done.returncode == -9
    # `require` first restores the model, then reads it.
    with pytest.raises(ValueError, match="config.json is missing"):
        require(tmp_path / "model", "05")
    found = told(tmp_path / "model")
    wanted = "second" if moment == "before it tidies up" else "first"
    assert found == {"a.txt": wanted, "b.txt": wanted}
    save(tmp_path / "model", "third")
    assert told(tmp_path / "model")["a.txt"] == "third"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "is full.*Free some space"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), OSError, "is full"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
         OSError, "is full"),
        (SafetensorError("Permission denied (os error 13)"), PermissionError, "may not write"),
        (OSError(errno.EROFS, "Read-only file system"), PermissionError, "folder of your own"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError, "mat1"),
        (FileNotFoundError("another file"), FileNotFoundError, "another file"),
    ],
)  # fmt: skip
def test_what_keeps_a_file_from_being_written_is_said(error, becomes, says):
    with pytest.raises(becomes, match=says) as caught, explained("artifacts/05_finetuned"):
        raise error
    assert type(caught.value) is becomes
    assert caught.value is error or "artifacts/05_finetuned" in str(caught.value)


@pytest.mark.parametrize("ending", ["²", "9" * 20, "-5", "notes", "1-mine"])
@pytest.mark.parametrize("kind", ["half", "old"])
def test_names_that_only_look_like_a_half_saved_file_stay(tmp_path, kind, ending):
    other = tmp_path / f"metrics.json.{kind}-{ending}"
    other.write_text("mine")
    with saving(tmp_path / "metrics.json") as half:
        half.write_text("{}")
    assert told(tmp_path) == {"metrics.json": "{}", other.name: "mine"}
