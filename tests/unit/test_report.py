import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from asr_helpers.profiles import load_profile
from asr_helpers.report import machine, report_page, run_record, versions
from tools import report_run

HISTORY = [
    {"step": 0, "eval_loss": 3.0, "eval_wer": 1.0, "eval_cer": 0.9},
    {"step": 10, "loss": 2.5},
    {"step": 20, "eval_loss": 2.0, "eval_wer": 0.6, "eval_cer": 0.3},
]
METRICS = {
    "wer": 0.5, "wer_low": 0.4, "wer_high": 0.6, "cer": 0.2, "train_seconds": 600.0,
    "peak_memory_mb": 900.0,
}  # fmt: skip


def record(profile):
    return json.loads(json.dumps(run_record(profile, HISTORY, {0.5: 0.55, 1.0: 0.6}, METRICS)))


def test_the_machine_and_the_versions_are_told():
    assert machine()["cores"] >= 1 and machine()["processor"]
    assert {"Python", "torch", "transformers"} <= set(versions())


@pytest.mark.parametrize("name", ["offline", "hub"])
def test_a_page_holds_what_was_measured_and_no_path(name, tmp_path):
    page = report_page(record(replace(load_profile(name), artifacts=tmp_path)))
    for part in (
        "0.500 (95 % interval 0.400 to 0.600)", "10.0 minutes", "| 20 | 2.000 | 0.600 | 0.300 |",
        "| 0.5 | 0.550 |", "| torch |", "| learning_rate |", "| decoding beam |", "| processor |",
    ):  # fmt: skip
        assert part in page, part
    assert str(tmp_path) not in page and str(Path(report_run.__file__).parent.parent) not in page


def test_no_markup_of_a_name_reaches_the_page_and_no_folder_s_place(tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    for corpus in (evil, f"a | {evil}", f"line\n\n{evil}", str(tmp_path / "my voice")):
        page = report_page(record(replace(load_profile("hub"), corpus=corpus, base_model=evil)))
        assert "<" not in page and str(tmp_path) not in page
        table = page[page.index("| knob | value |") :].splitlines()
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {3}


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    profile = replace(load_profile("hub"), artifacts=tmp_path)
    monkeypatch.setattr(report_run, "load_profile", lambda name: profile)
    monkeypatch.setattr(report_run, "BUILD", tmp_path / "build")
    with pytest.raises(SystemExit, match="05_run.json is missing: run lesson 05"):
        report_run.main([])
    (tmp_path / "05_run.json").write_text(json.dumps(record(profile)))
    report_run.main(["--profile", "hub"])
    assert capsys.readouterr().out == "build/run-hub.md\n"
    assert (tmp_path / "build" / "run-hub.md").read_text().startswith("# facebook/wav2vec2-base on")
    (tmp_path / "05_run.json").write_text("{")
    with pytest.raises(SystemExit, match="05_run.json is damaged"):
        report_run.main([])
