"""A class that fell behind goes on, and nothing of a learner's own is touched."""

import hashlib
import sys

import pytest
import torch

from asr_helpers import finished
from asr_helpers.artifacts import damage
from asr_helpers.model import load_base_model
from asr_helpers.profiles import PROFILES
from tools import catch_up as tool
from tools.arguments import lesson_named
from tools.catch_up import catch_up, wants_a_model

SCORES = {"validation_wer": 0.5}


@pytest.fixture(scope="module")
def trained(profile, processor):
    model = load_base_model(profile.base_model, processor, seed=0)
    with torch.no_grad():
        model.lm_head.bias += 0.25
    return model


@pytest.fixture
def place(shipped, trained):
    return shipped(trained, SCORES)


def state(folder):
    """{path: digest} of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("text", ["6", "06", "06_evaluate", "06_evaluate.ipynb"])
def test_a_lesson_may_be_named_in_any_way(text):
    assert lesson_named(text).name == "06_evaluate.ipynb"


@pytest.mark.parametrize("text", ["", "99", "evaluate", "../06_evaluate", "6.5"])
def test_a_lesson_that_is_not_there_is_refused_with_those_that_are(text):
    with pytest.raises(ValueError, match="choose one of 01, 02, 03"):
        lesson_named(text)


def test_the_shipped_model_is_put_in_place(place):
    said = catch_up(lesson_named("06"), place)
    assert damage(place.artifacts / "ready_model") is None
    assert "comes with the course" in said[0] and said[-1] == "The model's validation WER is 0.500."
    before = state(place.artifacts)
    assert catch_up(lesson_named("06"), place) == said and state(place.artifacts) == before


def test_a_lesson_that_reads_nothing_gets_nothing(place):
    assert not wants_a_model(lesson_named("02")) and wants_a_model(lesson_named("07"))
    assert catch_up(lesson_named("02"), place) == [
        "This lesson reads nothing that an earlier one makes."
    ]
    assert not place.artifacts.exists()


def test_ones_own_model_is_used_and_stays(place, processor, trained):
    own = place.artifacts / finished.OWN
    trained.save_pretrained(own)
    processor.save_pretrained(own)
    (place.artifacts / "metrics.json").write_text('{"validation_wer": 0.25}')
    before = state(place.artifacts)
    said = catch_up(lesson_named("08"), place)
    assert "your own model" in said[0] and "0.250" in said[-1] and state(place.artifacts) == before


def test_a_training_that_was_cut_off_stays_and_is_told(place):
    kept = place.artifacts / "05_training" / "checkpoint-190"
    kept.mkdir(parents=True)
    (kept / "model.safetensors").write_bytes(b"mine")
    (place.artifacts / "metrics.json").write_text("mine, and cut off")
    before = state(place.artifacts)
    said = catch_up(lesson_named("06"), place)
    assert "stopped at checkpoint-190" in said[1] and "run lesson 05 again" in said[1]
    after = state(place.artifacts)
    assert before.items() <= after.items()
    assert all(name.startswith("ready_model/") for name in set(after) - set(before))


def test_a_damaged_model_of_ones_own_is_not_touched_and_a_way_on_is_told(place, processor, trained):
    own = place.artifacts / finished.OWN
    trained.save_pretrained(own)
    processor.save_pretrained(own)
    (own / "model.safetensors").write_bytes(b"cut off")
    before = state(place.artifacts)
    with pytest.raises(ValueError, match="is damaged.*rename the folder .*05_finetuned"):
        catch_up(lesson_named("06"), place)
    assert state(place.artifacts) == before
    own.rename(own.with_name("mine"))
    assert "comes with the course" in catch_up(lesson_named("06"), place)[0]
    assert (place.artifacts / "mine" / "model.safetensors").read_bytes() == b"cut off"


def test_the_command_names_the_notebook_or_says_what_is_wrong(place, monkeypatch, capsys):
    monkeypatch.setitem(PROFILES, "offline", place)
    monkeypatch.setattr(sys, "argv", ["catch-up", "06"])
    tool.main()
    assert capsys.readouterr().out.splitlines()[-1] == "Go on with notebooks/06_evaluate.ipynb."
    monkeypatch.setattr(sys, "argv", ["catch-up", "66"])
    with pytest.raises(SystemExit, match="There is no lesson '66'"):
        tool.main()
