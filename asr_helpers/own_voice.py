"""The recordings of lesson 09: the learner's own, or those of a stand-in voice."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import datasets

from asr_helpers.folder import load_folder
from asr_helpers.profiles import Profile
from asr_helpers.tables import read_rows
from asr_helpers.takes import TABLE

STANDIN = Path(__file__).parent / "data" / "standin"
LEAST = {"train": 10, "test": 5}  # with at least so many recordings the learner's voice is used


@dataclass(frozen=True)
class Voice:
    """Recordings of one speaker. `whose` is "own" or "stand-in"; `says` is a sentence about it."""

    place: Path
    whose: str
    says: str

    def __str__(self) -> str:
        return self.says


def own_voice(profile: Profile) -> Voice:
    """The folder of recordings to use: the learner's own, if there are enough of them.

    A recording counts if its row in the folder's metadata.csv names the split, train or test. So
    the recordings of another device count, too.

    Raises:
        FileNotFoundError: there are too few, and the stand-in is not there either.
        FolderError: the table cannot be read.
    """
    folder = Path(profile.recordings).expanduser().resolve()
    table = folder / TABLE
    rows = read_rows(table, profile.language).rows if table.is_file() else []
    splits = [row.split for row in rows if row.path is not None]
    counts = {split: splits.count(split) for split in LEAST}
    told = f"{counts['train']} sentences to train on and {counts['test']} to test on"
    if all(counts[split] >= least for split, least in LEAST.items()):
        return Voice(folder, "own", f"Using your own voice: {told}.")
    needed = " and ".join(f"{least} of {split}" for split, least in LEAST.items())
    if not (STANDIN / "metadata.csv").is_file():
        raise FileNotFoundError(
            f"{folder} holds {told}, and {needed} are needed; the stand-in's recordings are "
            f"missing in {STANDIN}, too. Record more with `python -m asr_helpers.recorder`, or fetch "
            "the course again."
        )
    return Voice(
        STANDIN, "stand-in",
        f"You have recorded {told}; {needed} are needed. Using the stand-in, a synthetic voice.",
    )  # fmt: skip


def load_voice(voice: Voice, language: str, seed: int) -> tuple[datasets.Dataset, datasets.Dataset]:
    """(sentences to train on, in the order in which they were recorded; those to test on).

    There is no validation split, because so few sentences cannot decide a choice.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # its report is about splits that are not used
        corpus = load_folder(voice.place, language, seed=seed)
    pool = datasets.concatenate_datasets([corpus["train"], corpus["validation"]])
    paths = pool["path"][:]
    return pool.select(sorted(range(len(paths)), key=paths.__getitem__)), corpus["test"]
