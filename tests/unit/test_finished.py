import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from asr_helpers import finished
from asr_helpers.finished import DIFFERENCE, finished_metrics, finished_model
from asr_helpers.inference import transcribe
from asr_helpers.model import load_base_model, load_model
from asr_helpers.processor import load_processor
from tools import ship as ship_tool

SCORES = {"wer": 0.5, "cer": 0.2}


@pytest.fixture(scope="module")
def trained(profile, processor):
    """A model whose top layer and head differ from the base, by numbers that half precision has."""
    model = load_base_model(profile.base_model, processor, seed=0)
    with torch.no_grad():
        for part in (model.lm_head, model.base_model.encoder.layers[-1]):
            for weight in part.parameters():
                weight.copy_((weight + 0.01).half().float())
    return model


@pytest.fixture
def place(shipped, trained):
    return shipped(trained, SCORES, "# A card")


def leave_own(place, processor, model):
    folder = place.artifacts / finished.OWN
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def test_what_is_shipped_is_only_what_changed(place):
    shipped = Path(place.ready_model)
    weights = load_file(shipped / DIFFERENCE)
    assert all(w.dtype == torch.float16 for w in weights.values())
    assert all("lm_head" in name or "layers.3." in name for name in weights)
    assert {"config.json", "vocab.json", "README.md", "metrics.json"} <= {
        file.name for file in shipped.iterdir()
    }
    assert not (shipped / "model.safetensors").exists()


def test_without_a_model_of_ones_own_the_shipped_one_is_put_together(place, trained, prepared):
    found = finished_model(place)
    assert found.whose == "shipped" and "comes with the course" in str(found)
    model, processor = load_model(found.place), load_processor(found.place)
    for name, weight in trained.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight), name
    waves = [prepared[0]["input_values"]]
    assert transcribe(model, processor, waves) == transcribe(trained, processor, waves)


def test_it_is_put_together_once_and_again_if_it_was_damaged(place):
    weights = Path(finished_model(place).place) / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert Path(finished_model(place).place) == weights.parent
    assert weights.stat().st_mtime_ns == before
    weights.write_bytes(weights.read_bytes()[:1000])
    assert load_model(finished_model(place).place).lm_head.out_features == 32


def test_its_card_goes_with_it(place):
    kept = Path(finished_model(place).place) / "README.md"
    assert kept.read_text() == "# A card"
    (Path(place.ready_model) / "README.md").write_text("# Another card")
    finished_model(place)
    assert kept.read_text() == "# Another card"
    (Path(place.ready_model) / "README.md").unlink()
    assert finished_model(place).whose == "shipped"


def test_ones_own_comes_first(place, processor, model):
    folder = leave_own(place, processor, model)
    found = finished_model(place)
    assert (found.place, found.whose) == (str(folder), "own") and "your own" in str(found)
    (place.artifacts / "metrics.json").write_text(json.dumps({"wer": 0.3}))
    assert finished_metrics(place) == {"wer": 0.3, "model": "own"}


def test_ones_own_damaged_is_told_not_passed_over(place, processor, model):
    (leave_own(place, processor, model) / "vocab.json").unlink()
    with pytest.raises(
        ValueError, match="05_finetuned is damaged: vocab.json is missing.*lesson 05"
    ):
        finished_model(place)


def test_the_shipped_models_scores_go_with_it(place):
    assert finished_metrics(place) == SCORES | {"model": "shipped"}


def test_with_none_at_all_the_lesson_is_named(place, tmp_path):
    with pytest.raises(FileNotFoundError, match="05_finetuned is missing: run lesson 05"):
        finished_model(replace(place, ready_model=str(tmp_path / "nothing")))


def test_a_shipped_model_of_another_base_is_refused(place, tmp_path):
    import shutil

    shutil.copytree(place.base_model, tmp_path / "other")
    with (tmp_path / "other" / "model.safetensors").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match="another base model.*tools.ship"):
        finished_model(replace(place, base_model=str(tmp_path / "other")))


@pytest.mark.parametrize("harm", [Path.unlink, lambda file: file.write_bytes(b"half")])
def test_a_damaged_shipped_model_is_told(place, harm):
    harm(Path(place.ready_model) / DIFFERENCE)
    with pytest.raises(ValueError, match=f"{DIFFERENCE} is missing or damaged.*run lesson 05"):
        finished_model(place)


def test_with_the_hub_a_public_model_takes_its_place(place, monkeypatch):
    monkeypatch.setattr(finished, "get_token", lambda: None)
    hub = replace(place, share_as="mine", ready_model="facebook/wav2vec2-base-960h")
    found = finished_model(hub)
    assert (found.place, found.whose) == ("facebook/wav2vec2-base-960h", "public")
    assert finished_metrics(hub) == {"model": "public"}


@pytest.mark.hub
def test_with_the_hub_what_was_pushed_comes_before_a_public_one(place, online, shelf):
    from local_hub import LocalHub

    hub_profile = replace(place, share_as="mine", ready_model="facebook/wav2vec2-base-960h")
    with LocalHub() as hub:
        hub.tokens["hf_ann"] = ("ann", "write")
        online(hub, "hf_ann")
        assert finished_model(hub_profile).whose == "public"  # nothing pushed yet
        hub.add("ann/mine", shelf / "base")
        found = finished_model(hub_profile)
    assert (found.place, found.whose) == ("ann/mine", "pushed") and "you pushed" in str(found)


def test_the_tool_ships_what_lesson_05_left(place, processor, trained, monkeypatch, capsys):
    monkeypatch.setattr(ship_tool, "load_profile", lambda name: place)
    with pytest.raises(SystemExit, match="05_finetuned is missing"):
        ship_tool.main()
    leave_own(place, processor, trained)
    (place.artifacts / "metrics.json").write_text(json.dumps(SCORES))
    ship_tool.main()
    assert "tensors that fine-tuning changed" in capsys.readouterr().out
