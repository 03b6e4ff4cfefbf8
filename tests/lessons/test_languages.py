"""Lessons 01 to 05 in each language of the package, and on a folder, with the smoke profile.

Weekly, as it takes minutes. One by hand: `pytest -m weekly tests/lessons/test_languages.py -k ru-RU`
"""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from asr_helpers.corpus import languages, load_corpus

ROOT = Path(__file__).parent.parent.parent
# Runs in a process of its own. Arguments: corpus and language, the folder for files, the lessons.
CODE = """
import os, sys
os.environ["MPLBACKEND"] = "Agg"
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, "tests")
import datasets
import lesson_cells
from asr_helpers import processor, profiles
from asr_helpers.corpus import load_corpus

corpus, language, artifacts, *numbers = sys.argv[1:]
datasets.disable_progress_bars()
smoke = replace(profiles.PROFILES["smoke"], corpus=corpus, language=language, artifacts=Path(artifacts))
profiles.PROFILES["smoke"] = smoke
plain = processor.load_processor

def load_processor(name, language=smoke.language, transcripts=None, folder=None):
    # A lesson that names the base model alone gets the tokens of this language.
    if transcripts is None and str(name) == smoke.base_model:
        transcripts = load_corpus(corpus, language, smoke.revision, smoke.seed)["train"]["transcription"]
    return plain(name, language, transcripts, folder)

processor.load_processor = load_processor
for number in numbers:
    (path,) = Path("notebooks").glob(f"{number}_*.ipynb")
    lesson_cells.run(path, "smoke", False)
    print("done", number)
"""


def run(corpus, language, artifacts, *numbers):
    command = [sys.executable, "-c", CODE, str(corpus), language, str(artifacts), *numbers]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [word for number in numbers for word in ("done", number)]


@pytest.mark.weekly
@pytest.mark.parametrize("language", languages())
def test_the_lessons_run_in_each_language(language, tmp_path):
    run("telephone-prompts", language, tmp_path, "01", "02", "03", "04", "05")


@pytest.mark.weekly
def test_the_lessons_run_on_a_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    rows = load_corpus("telephone-prompts", "en-US")["train"].with_format("arrow")[:]
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "transcription"])
        for number, (sound, text) in enumerate(
            zip(rows["audio"].to_pylist(), rows["transcription"].to_pylist())
        ):
            (folder / f"{number}.flac").write_bytes(sound["bytes"])
            table.writerow([f"{number}.flac", text])
    run(folder, "en-US", tmp_path / "artifacts", "01", "02", "03", "04", "05")
