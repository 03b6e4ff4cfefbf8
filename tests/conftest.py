import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the offline course must never ask the network
os.environ.setdefault("MPLBACKEND", "Agg")

import datasets
import pytest

from asr_helpers.corpus import load_corpus
from asr_helpers.model import load_base_model
from asr_helpers.processor import load_processor, prepare_dataset
from asr_helpers.profiles import load_profile

datasets.disable_progress_bars()


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


@pytest.fixture
def model(profile, processor):
    return load_base_model(profile.base_model, processor, seed=0)
