"""The benchmark of strangers' digits: names are read, scores are kept apart, an empty folder is told."""

import numpy as np
import pytest
import soundfile

from benchmarks import strangers


def test_names_are_read_and_silence_is_put_around(tmp_path):
    for name in ("7_ann_0.wav", "0_bob_jones_12.wav", "notes.wav", "x_ann_1.wav"):
        soundfile.write(tmp_path / name, np.full(4000, 0.1), 8000)
    rows = strangers.recordings(tmp_path)
    assert [(speaker, word) for speaker, word, _ in rows] == [
        ("bob_jones", "ZERO"),
        ("ann", "SEVEN"),
    ]
    samples = rows[0][2]
    assert len(samples) == 16_000 and not samples[:4000].any() and not samples[-4000:].any()
    assert samples[8000] == pytest.approx(0.1, abs=0.01)


def test_a_folder_without_digits_is_told(tmp_path):
    with pytest.raises(ValueError, match="7_jackson_32.wav .*Free Spoken Digit Dataset"):
        strangers.recordings(tmp_path)


def test_each_speaker_has_a_score_and_all_together():
    rows = [
        ("ann", "ONE", "ONE"),
        ("ann", "TWO", "TWO"),
        ("bob", "SIX", "SICKS"),
        ("bob", "TEN", "TEN"),
    ]
    found = strangers.scores(rows)
    assert {name: row["wer"] for name, row in found.items()} == {"ann": 0, "bob": 0.5, "all": 0.25}
    assert found["all"]["clips"] == 4 and found["all"]["low"] <= 0.25 <= found["all"]["high"]
    assert found["bob"]["cer"] == pytest.approx(3 / 6)


def test_the_command_prints_a_row_for_each_speaker_and_tells_an_empty_folder(
    tmp_path, lettered, capsys
):
    noise = np.random.default_rng(0).normal(0, 0.1, 4000)
    for name in ("7_ann_0.wav", "1_bob_0.wav"):
        soundfile.write(tmp_path / name, noise, 8000)
    strangers.main([str(tmp_path), str(lettered)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(lettered) and [line.split()[0] for line in lines[1:]] == [
        "all",
        "ann",
        "bob",
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit, match="holds no recording named as"):
        strangers.main([str(tmp_path / "empty")])
