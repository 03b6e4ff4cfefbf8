import time

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import RepositoryNotFoundError
from local_hub import LocalHub

from asr_helpers.reach import hub_answers, hub_or_cache

pytestmark = pytest.mark.hub


@pytest.mark.parametrize("trouble", [{"stall": True}, {"status": 503}])
def test_a_hub_in_trouble_is_soon_given_up(online, trouble):
    with LocalHub() as hub:
        online(hub)
        assert hub_answers()
        hub.fault("HEAD /", **trouble)
        start = time.perf_counter()
        assert not hub_answers(wait=0.3)
        assert time.perf_counter() - start < 3


def test_without_a_hub_the_cache_is_asked_and_an_error_says_what_to_do(online):
    with LocalHub() as hub:
        online(hub)
    with hub_or_cache("ann/model"):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    wanted = pytest.raises(ConnectionError, match="ann/model is not in the cache")
    with wanted as raised, hub_or_cache("ann/model"):
        raise OSError("a client's own words")
    assert 'PROFILE = "offline"' in str(raised.value) and not constants.HF_HUB_OFFLINE


def test_a_folder_and_a_hub_that_answers_are_left_alone(online, tmp_path):
    with LocalHub() as hub:
        online(hub)
        with hub_or_cache(tmp_path):
            assert not hub.requests
        with pytest.raises(OSError, match="own words"), hub_or_cache("ann/model"):
            assert not constants.HF_HUB_OFFLINE
            raise OSError("a client's own words")
        assert hub.requests == ["HEAD /"]


def test_switched_off_by_the_user_it_stays_off(online, monkeypatch):
    with LocalHub() as hub:
        online(hub)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        with hub_or_cache("ann/model"):
            pass
        assert constants.HF_HUB_OFFLINE and not hub.requests


@pytest.mark.parametrize("trouble", [{"stall": True}, {"status": 503}])
def test_a_hub_that_falls_silent_half_way_is_told(online, trouble, monkeypatch):
    monkeypatch.setattr("asr_helpers.reach.WAIT", 0.3)
    with LocalHub() as hub:
        api = online(hub)
        hub.fault("GET /api/models", **trouble)
        start = time.perf_counter()
        wanted = pytest.raises(ConnectionError, match="fell silent while ann/model was loaded")
        with wanted as raised, hub_or_cache("ann/model"):
            api.model_info("ann/model")
        assert time.perf_counter() - start < 10 and 'PROFILE = "offline"' in str(raised.value)


def test_what_the_hub_does_answer_keeps_its_own_words(online):
    with LocalHub() as hub:
        api = online(hub)
        with pytest.raises(RepositoryNotFoundError), hub_or_cache("ann/model"):
            api.model_info("ann/model")


@pytest.mark.parametrize("name", ["{}/gone", "./gone", "../a/gone", "~/gone", "{}/a.txt", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(name, tmp_path):
    (tmp_path / "a.txt").write_text("no folder")
    wanted = pytest.raises(FileNotFoundError, match="no folder .*(gone|a.txt|a/b/c)")
    with wanted, hub_or_cache(name.format(tmp_path)):
        raise AssertionError("it was looked for")
