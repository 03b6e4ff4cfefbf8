import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the offline course must never ask the network
os.environ.setdefault("MPLBACKEND", "Agg")

import datasets
import pytest

from asr_helpers.corpus import load_corpus
from asr_helpers.finished import ship
from asr_helpers.model import load_base_model
from asr_helpers.processor import load_processor, prepare_dataset
from asr_helpers.profiles import load_profile

datasets.disable_progress_bars()
pytest_plugins = ["suites"]


@pytest.fixture(scope="session")
def profile():
    return load_profile("smoke")


@pytest.fixture(scope="session")
def processor(profile):
    return load_processor(profile.base_model)


@pytest.fixture(scope="session")
def few(profile):
    """Twelve short utterances of the training split."""
    train = load_corpus()["train"]
    chosen = [i for i, text in enumerate(train["transcription"]) if 6 < len(text) < 30][:12]
    return train.select(chosen)


@pytest.fixture(scope="session")
def prepared(few, processor):
    return prepare_dataset(few, processor, "en-US")


@pytest.fixture(scope="session")
def lettered(tmp_path_factory, profile, processor):
    """A folder with a model that writes letters: the base model with the head it was pretrained with."""
    from safetensors.torch import load_file

    folder = tmp_path_factory.mktemp("lettered")
    heads = load_file(Path(profile.base_model) / "pretraining_heads.safetensors")
    model = load_base_model(profile.base_model, processor, seed=0)
    head = {name: heads[f"model.lm_head.{name}"].float() for name in ("weight", "bias")}
    model.lm_head.load_state_dict(head)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def model(profile, processor):
    return load_base_model(profile.base_model, processor, seed=0)


@pytest.fixture
def shipped(profile, processor, tmp_path):
    """shipped(model, scores) is a profile with that model shipped, where no lesson has run.

    The model itself stands in `finetuned`, with `card` where there is one.
    """

    def make(model, scores, card=None):
        folder = tmp_path / "finetuned"
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        if card:
            (folder / "README.md").write_text(card)
        ship(folder, Path(profile.base_model), tmp_path / "shipped", scores)
        ready = str(tmp_path / "shipped")
        return replace(profile, artifacts=tmp_path / "art", ready_model=ready)

    return make


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """Folders to serve: minds14, newer (the same, a transcript changed), base, base-bin, ready."""
    import lookalikes

    folder = tmp_path_factory.mktemp("shelf")
    lookalikes.minds14(folder / "minds14")
    lookalikes.minds14(folder / "newer", note=" indeed")
    lookalikes.wav2vec2_base(folder / "base")
    lookalikes.wav2vec2_base(folder / "base-bin", safetensors=False)
    lookalikes.wav2vec2_base_960h(folder / "ready")
    return folder


@pytest.fixture
def local_hub(shelf):
    """A Hub with look-alikes of the corpus and the models that the hub profile names."""
    from local_hub import LocalHub

    profile = load_profile("hub")
    with LocalHub() as hub:
        hub.add(profile.corpus, shelf / "minds14", "datasets", oid=profile.revision)
        hub.add(profile.corpus, shelf / "newer", "datasets")
        hub.add(profile.base_model, shelf / "base")
        hub.add(profile.ready_model, shelf / "ready")
        yield hub


@pytest.fixture
def online(tmp_path, monkeypatch):
    """online(hub, token) points huggingface_hub at a local Hub, in this process; gives an HfApi."""
    from huggingface_hub import HfApi, constants

    def point(hub, token=None):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        address = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)  # retries
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        return HfApi(endpoint=hub.endpoint, token=token)

    return point


@pytest.fixture
def client(tmp_path):
    """client(hub, code) runs Python with an environment of its own and a Hub; gives what it prints.

    In a fresh process: the libraries read the Hub's address once, when they are imported. The waits
    are short, so that a Hub that says nothing is given up soon.
    """

    def run(hub, code, **environment):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
        own = {
            "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "*",
            "HF_HUB_ETAG_TIMEOUT": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env=kept | own | environment,
            cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    return run
