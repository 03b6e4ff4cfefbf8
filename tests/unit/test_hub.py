import time
import traceback
from types import SimpleNamespace

import pytest
from huggingface_hub import ModelCard
from local_hub import LocalHub

import asr_helpers.hub
from asr_helpers.hub import HubError, push
from asr_helpers.model_card import model_card

pytestmark = pytest.mark.hub
MARKED = "hf_MARKEDmarkedMARKED"
METRICS = {"wer": 0.41234, "wer_low": 0.35, "wer_high": 0.5, "cer": 0.15}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, profile, processor, prepared):
    """A folder as lesson 05 leaves it, with a checkpoint and arguments that must not be shared."""
    from asr_helpers.model import load_base_model

    folder = tmp_path_factory.mktemp("trained")
    load_base_model(profile.base_model, processor, seed=0).save_pretrained(folder)
    processor.save_pretrained(folder)
    model_card(profile, METRICS, prepared, prepared, "cc-by-sa-3.0").save(folder / "README.md")
    (folder / "training_args.bin").write_bytes(b"a pickle that may hold a token")
    (folder / "checkpoint-3").mkdir()
    (folder / "checkpoint-3" / "config.json").write_text("{}")
    return folder


@pytest.fixture
def hub(online):
    with LocalHub() as hub:
        hub.tokens = {
            MARKED: ("ann", "write"),
            "hf_read": ("ann", "read"),
            "hf_no": ("ann", "none"),
        }
        online(hub, MARKED)
        yield hub


def state(folder):
    """{path: content} of all files."""
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(folder, name="ann/model", **how):
    """The sentence of a failed push, after checking that it is one, clean, and cost nothing."""
    before = state(folder)
    with pytest.raises(HubError) as raised:
        push(folder, name, **how)
    told = "".join(traceback.format_exception(raised.value))
    assert not any(token in told for token in (MARKED, "hf_read", "hf_no", "hf_wrong"))
    assert state(folder) == before
    sentence = str(raised.value)
    assert sentence.count("\n") == 0 and sentence.endswith(".") and ". " not in sentence
    return sentence


def test_model_processor_and_card_arrive(hub, trained):
    address = push(trained, "ann/model")
    arrived = hub.files("ann/model")
    assert address.startswith(f"{hub.endpoint}/ann/model/commit/")
    wanted = {"config.json", "model.safetensors", "vocab.json", "tokenizer_config.json"}
    assert set(arrived) >= wanted | {"processor_config.json", "README.md"}
    assert not {"training_args.bin", "checkpoint-3/config.json"} & set(arrived)
    assert arrived["model.safetensors"] == (trained / "model.safetensors").read_bytes()
    card = ModelCard(arrived["README.md"].decode())
    assert {r.metric_type: r.metric_value for r in card.data.eval_results}["wer"] == 0.4123
    assert not hub.unknown and not any(MARKED.encode() in data for data in arrived.values())


def test_a_second_push_adds_a_commit(hub, trained):
    push(trained, "ann/model")
    card = trained / "README.md"
    before = card.read_text()
    try:
        card.write_text(before + "\nBetter now.\n")
        push(trained, "ann/model", message="A better card")
    finally:
        card.write_text(before)
    titles = [title for _, title, _ in hub.repositories["models", "ann/model"].commits]
    assert titles == ["initial commit", "Push the fine-tuned model", "A better card"]
    assert hub.files("ann/model")["README.md"].endswith(b"Better now.\n")


def test_a_name_without_an_owner_is_ones_own(hub, trained):
    push(trained, "model")
    assert "model.safetensors" in hub.files("ann/model")


def test_a_trainer_is_saved_first(hub, trained, tmp_path):
    def save_model(folder):
        for path in trained.iterdir():
            if path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())

    trainer = SimpleNamespace(args=SimpleNamespace(output_dir=str(tmp_path)), save_model=save_model)
    push(trainer, "ann/model")
    assert "model.safetensors" in hub.files("ann/model")


def test_what_is_missing_is_named_before_anything_is_asked(hub, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert "lacks model.safetensors, vocab.json, README.md" in refused(tmp_path)
    assert not hub.requests


def test_without_a_token_it_says_how_to_log_in(hub, trained, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    assert "notebook_login()" in refused(trained) and not hub.requests


@pytest.mark.parametrize(
    "token, says", [("hf_wrong", "does not know"), ("hf_read", "may not"), ("hf_no", "may not")]
)
def test_a_token_that_may_not_write_is_told_so(hub, trained, monkeypatch, token, says):
    monkeypatch.setenv("HF_TOKEN", token)
    assert f"{says}" in refused(trained) and f"{hub.endpoint}/settings/tokens" in refused(trained)
    assert not hub.repositories


def test_another_ones_name_is_refused_even_if_it_exists(hub, trained):
    hub.add("bob/model", trained)
    before = hub.files("bob/model")
    for name in ("bob/model", "bob/new"):
        assert "a name of your own" in refused(trained, name)
    assert hub.files("bob/model") == before


def test_a_name_taken_is_refused_where_a_new_one_is_wanted(hub, trained):
    push(trained, "ann/model", new=True)
    assert "is in use: choose another" in refused(trained, new=True)
    assert len(hub.repositories["models", "ann/model"].commits) == 2


def test_a_name_that_is_none(hub, trained):
    assert "is no name" in refused(trained, "ann/my model!")


@pytest.mark.parametrize("step", ["repos/create", "preupload", "/commit/"])
def test_a_server_that_fails_half_way_leaves_nothing_half(hub, trained, step):
    hub.fault(step, status=503)
    assert "(status 503)" in refused(trained)
    made = hub.repositories.get(("models", "ann/model"))
    assert made is None or set(made.commits[-1][2]) == {".gitattributes"}
    hub.faults.clear()
    push(trained, "ann/model")
    assert "model.safetensors" in hub.files("ann/model")


def test_a_hub_that_fails_now_and_then_is_asked_again(hub, trained):
    hub.fault("preupload", status=503, times=2)
    push(trained, "ann/model")
    assert len(hub.asked("preupload")) == 3


def test_an_answer_cut_off_is_told_as_no_network(hub, trained):
    hub.fault("repos/create", cut=5)
    assert "cannot be reached" in refused(trained)


@pytest.mark.parametrize("step", ["repos/create", "/commit/"])
def test_a_hub_that_says_nothing_is_given_up(hub, trained, step, monkeypatch):
    monkeypatch.setattr(asr_helpers.hub, "WAIT", 0.5)
    hub.fault(step, stall=True)
    start = time.perf_counter()
    assert "cannot be reached" in refused(trained)
    assert time.perf_counter() - start < 15


def test_no_network(hub, trained):
    hub.stop()
    assert "cannot be reached (ConnectError)" in refused(trained)


def test_a_hub_switched_off_is_told_so(hub, trained, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused(trained)


def test_a_token_that_no_header_can_hold_is_not_shown(hub, trained, monkeypatch):
    for odd in (MARKED + "\nX", MARKED + "é"):
        monkeypatch.setenv("HF_TOKEN", odd)
        refused(trained)


def test_a_failure_of_the_client_itself_is_not_laid_on_the_network(hub, trained, monkeypatch):
    def fails(*_, **__):
        raise KeyError(MARKED)

    monkeypatch.setattr("asr_helpers.hub.HfApi.upload_folder", fails)
    assert "The client failed (KeyError)" in refused(trained)
