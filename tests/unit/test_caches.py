"""Caches in a home that can be written, in one that cannot, and after a disk was full."""

import sys
from pathlib import Path

import evaluate
import pytest

from asr_helpers import caches
from asr_helpers.caches import load_wer_metric, ready_caches


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Each test asks anew where caches go, and leaves everything as it was."""
    ready_caches.cache_clear()
    for name in caches.KEEPERS:
        for constant, value in list(vars(sys.modules[name]).items()):
            if isinstance(value, str | Path):
                monkeypatch.setattr(sys.modules[name], constant, value)
    yield
    ready_caches.cache_clear()


def test_a_home_that_can_be_written_is_used_and_nothing_is_changed(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "mine"))
    before = evaluate.config.HF_MODULES_CACHE
    assert ready_caches() == tmp_path / "mine" and list((tmp_path / "mine").iterdir()) == []
    assert before == evaluate.config.HF_MODULES_CACHE and not recwarn.list


def test_where_the_home_cannot_be_written_every_library_goes_elsewhere(tmp_path, monkeypatch):
    from huggingface_hub import constants

    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"  # below a file, where not even root makes a folder
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", home / "modules")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    with pytest.warns(UserWarning, match="home cannot be written .* Set HF_HOME to a folder"):
        folder = ready_caches()
    assert folder.is_dir() and ready_caches() == folder  # asked once
    assert folder / "modules" == evaluate.config.HF_MODULES_CACHE
    assert str(folder / "hub") == constants.HF_HUB_CACHE


def forget_other_copies(monkeypatch):
    """Import nothing from the folders of copies that earlier tests made."""
    elsewhere = [place for place in sys.path if not (Path(place) / "evaluate_modules").exists()]
    monkeypatch.setattr(sys, "path", elsewhere)
    for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("left", ["", "half a scri"])
def test_a_metric_whose_copy_a_full_disk_cut_off_loads_again(tmp_path, monkeypatch, left):
    forget_other_copies(monkeypatch)
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path / "modules")
    load_wer_metric()
    (copy,) = tmp_path.rglob("wer_metric.py")
    copy.write_text(left)
    for name in [name for name in sys.modules if name.startswith("evaluate_modules")]:
        del sys.modules[name]
    with pytest.raises((TypeError, NameError, SyntaxError)):  # as every later run ended
        evaluate.load(str(caches.WER_METRIC), keep_in_memory=True)
    metric = load_wer_metric()
    assert metric.compute(references=["PRESS ONE"], predictions=["PRESS WON"]) == 0.5


def test_a_whole_copy_is_kept(tmp_path, monkeypatch):
    forget_other_copies(monkeypatch)
    monkeypatch.setattr(evaluate.config, "HF_MODULES_CACHE", tmp_path / "modules")
    load_wer_metric()
    (copy,) = tmp_path.rglob("wer_metric.py")
    when = copy.stat().st_mtime_ns
    load_wer_metric()
    assert copy.stat().st_mtime_ns == when
