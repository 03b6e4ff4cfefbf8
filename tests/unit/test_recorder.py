"""The recorder's parts; tests/browser records in a real browser."""

import re
import subprocess
import sys
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest

from asr_helpers import recorder
from asr_helpers.page import open_page
from asr_helpers.recorder import (
    look_html,
    make_recorder,
    open_recorder,
    progress_html,
    prompt_html,
)
from asr_helpers.takes import Prompt, Takes, look_at

PROMPTS = [Prompt("Say <yes> & no.", "train"), Prompt("Two.", "test")]


@pytest.fixture
def takes(tmp_path):
    return Takes(tmp_path / "recordings", PROMPTS)


def test_the_page_names_the_folder_and_says_that_nothing_leaves(takes):
    told = " ".join(
        str(b.value) for b in make_recorder(takes).blocks.values() if hasattr(b, "value")
    )
    assert str(takes.folder) in told and "sent nowhere else" in told and "Delete" in told


def test_no_markup_of_the_folder_s_name_reaches_the_page(tmp_path):
    evil = "a`<img src=x onerror=alert(1)>``b"
    page = make_recorder(Takes(tmp_path / evil, PROMPTS))
    (told,) = [
        b.value for b in page.blocks.values() if "are kept in" in str(getattr(b, "value", ""))
    ]
    (code,) = re.findall(r"``` (.*?) ```", told)
    assert code == str(tmp_path / evil) and "<" not in told.replace(code, "")


def test_on_colab_the_page_says_whose_machine_it_is(takes, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    told = " ".join(
        str(b.value) for b in make_recorder(takes).blocks.values() if hasattr(b, "value")
    )
    assert "a machine of Google" in told


def test_progress_and_prompt(takes):
    assert "0 of 2 sentences" in progress_html(takes)
    assert "Say &lt;yes&gt; &amp; no." in prompt_html(takes, 0)
    assert "not recorded yet" in prompt_html(takes, 1) and "(test" in prompt_html(takes, 1)


def test_the_look_draws_waveform_level_and_warnings():
    wave = np.sin(np.linspace(0, 2000, 16_000)).astype(np.float32)
    html = look_html(look_at(0.3 * wave, 16_000))
    assert html.count("<rect") == 400 and "<meter" in html and "1.0 s, peak -10 dB" in html
    assert "alert" not in html
    clipped = look_html(look_at(np.clip(4 * wave, -1, 1), 16_000))
    assert 'role="alert"' in clipped and "clipped" in clipped


def test_it_opens_on_this_machine_alone_and_makes_no_folder_before_a_recording(tmp_path):
    page, address = open_recorder(tmp_path / "recordings")
    try:
        assert address.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(address, timeout=20).status == 200
        assert not page.share and not page.analytics_enabled
        assert not (tmp_path / "recordings").exists()
    finally:
        page.close(verbose=False)


def test_the_command_takes_a_folder_and_sentences_of_ones_own(tmp_path, capsys, monkeypatch):
    own, opened = tmp_path / "mine.tsv", []
    own.write_text("split\tsentence\ntrain\tHabari za asubuhi.\ntest\tKaribu.\n")

    def made(takes):
        opened.append(takes)
        return SimpleNamespace(block_thread=lambda: None)

    monkeypatch.setattr(recorder, "make_recorder", made)
    monkeypatch.setattr(recorder, "open_page", lambda *_, **__: "http://127.0.0.1:7860/")
    assert recorder.main([str(tmp_path / "asha"), "--prompts", str(own)]) == 0
    (takes,) = opened
    assert takes.folder == tmp_path / "asha"
    assert takes.prompts == [Prompt("Habari za asubuhi.", "train"), Prompt("Karibu.", "test")]
    assert "127.0.0.1:7860" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"), [("none.tsv", "There is no file"), ("empty.tsv", "holds no sentences")]
)
def test_the_command_explains_sentences_that_it_cannot_read(name, said, tmp_path, capsys):
    (tmp_path / "empty.tsv").write_text("")
    arguments = [str(tmp_path / "recordings"), "--prompts", str(tmp_path / name)]
    assert recorder.main(arguments) == 2
    assert said in capsys.readouterr().err


def test_two_can_be_open_at_once(takes):
    pages = [make_recorder(takes) for _ in range(2)]
    try:
        assert len({open_page(page) for page in pages}) == 2
    finally:
        for page in pages:
            page.close(verbose=False)


def test_importing_it_opens_nothing():
    code = "import sys, asr_helpers.recorder; print('gradio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
