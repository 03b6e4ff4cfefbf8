"""Sentences to read aloud, and their recordings; each recording is stored at once."""

import csv
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from asr_helpers.artifacts import saving
from asr_helpers.audio import read_audio
from asr_helpers.folder import SILENT, is_clipped

PROMPTS = Path(__file__).parent / "data" / "prompts.tsv"
TABLE = "metadata.csv"
COLUMNS = ("file_name", "transcription", "split", "speaker")
LONGEST = 30.0  # seconds
SHORTEST = 0.3
QUIET = -30.0  # dB of full scale; a peak below it is a voice far from the microphone
LOWEST = 1e-5  # of full scale; stands for 0 in decibels, which is -100 dB


class TakeError(ValueError):
    """A recording that cannot be used; the message says why and what to do."""


class Prompt(NamedTuple):
    """A sentence to read aloud, and the split that its recording belongs to."""

    sentence: str
    split: str  # "train" or "test"


@dataclass(frozen=True)
class Look:
    """What a recording looks like. Levels are in dB of full scale, where 0 is the loudest possible."""

    array: np.ndarray  # samples of shape (samples,)
    rate: int
    peak: float
    level: float
    warnings: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return len(self.array) / self.rate


def load_prompts(path: str | Path = PROMPTS) -> list[Prompt]:
    """The sentences of a table with the columns split and sentence, parted by tabs.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds no row or is not UTF-8, or a row has another split than train or
            test, or no sentence.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no file {path} with sentences to read.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: save it as UTF-8 text.") from error
    if not rows:
        raise ValueError(
            f"{path} holds no sentences: write `split`, a tab, `sentence` in the first line. "
            "Below, write a line for each sentence: `train` or `test`, a tab, and the sentence."
        )
    for number, row in enumerate(rows, start=2):
        if row.get("split") not in ("train", "test") or not (row.get("sentence") or "").strip():
            raise ValueError(
                f"{path}, line {number}: wanted `train` or `test`, a tab, and a sentence."
            )
    return [Prompt(row["sentence"].strip(), row["split"]) for row in rows]


def decibels(amplitude: float) -> float:
    """An amplitude, of which 1 is full scale, in dB; silence is -100."""
    return float(20 * np.log10(max(amplitude, LOWEST)))


def look_at(array: np.ndarray, rate: int) -> Look:
    """Levels of a recording, and warnings in plain words.

    Args:
        array: float samples of shape (samples,), full scale at 1.
        rate: samples a second.
    """
    centred = array - array.mean() if len(array) else array
    peak = decibels(np.abs(centred).max(initial=0.0))
    level = decibels(float(np.sqrt(np.mean(np.square(centred)))) if len(array) else 0.0)
    warnings = []
    if peak < SILENT:
        warnings.append(
            "This is almost silent. Is the right microphone chosen, and is it switched on?"
        )
    elif peak < QUIET:
        warnings.append("This is quiet. Come closer to the microphone, or raise its level.")
    if is_clipped(centred):
        warnings.append(
            "This is clipped: the loudest parts are cut off. Step back, or lower the "
            "microphone's level, and record anew."
        )
    return Look(array, rate, peak, level, tuple(warnings))


class Takes:
    """The recordings of one speaker in a folder: a WAV for each prompt, and a table of them.

    All data are in the folder, so a new object finds all earlier recordings. The sound of a prompt
    is written first, and then its row. If a process was killed in between, the next object writes
    the row.
    """

    def __init__(self, folder: str | Path, prompts: list[Prompt] | None = None):
        """`folder` is made when the first recording is kept; `prompts` are the course's if None.

        Raises:
            TakeError: the folder's table gives a recording another sentence than its prompt has.
        """
        self.folder = Path(folder).expanduser().resolve()
        self.prompts = load_prompts() if prompts is None else prompts
        self._refuse_others()
        if set(self.kept()) - set(self._rows()):
            self._write_table()

    def path(self, number: int) -> Path:
        """Where the recording of prompt `number`, from 0 on, is or will be."""
        return self.folder / f"prompt-{number + 1:03d}.wav"

    def kept(self) -> list[int]:
        """The numbers of the prompts that are recorded."""
        return [number for number in range(len(self.prompts)) if self.path(number).is_file()]

    def count(self, split: str) -> int:
        """How many prompts of a split are recorded."""
        return sum(self.prompts[number].split == split for number in self.kept())

    def next(self, after: int = -1) -> int | None:
        """The next prompt after `after` without a recording, then from the start; None if none."""
        kept, total = set(self.kept()), len(self.prompts)
        order = [(after + 1 + step) % total for step in range(total)]
        return next((number for number in order if number not in kept), None)

    def keep(self, number: int, source: str | Path) -> Look:
        """Write a recording of prompt `number`, in place of an earlier one, and its row.

        Args:
            number: of the prompt, from 0 on.
            source: a file with the sound.

        Returns:
            What the recording looks like.

        Raises:
            TakeError: it is too short, too long, or nothing but silence; an earlier recording stays.
            AudioError: it cannot be read.
            OSError: it cannot be written; the message says why.
        """
        array, rate = read_audio(source, name="The recording")
        look = look_at(array, rate)
        if look.seconds < SHORTEST:
            raise TakeError(
                f"This lasts {look.seconds:.1f} s, which is no sentence: record anew, and press "
                "Stop after you have finished reading."
            )
        if look.seconds > LONGEST:
            raise TakeError(
                f"This lasts {look.seconds:.0f} s, and a sentence takes {LONGEST:.0f} s at most: "
                "record anew, and press Stop after the sentence."
            )
        if look.peak < SILENT:
            raise TakeError(f"{look.warnings[0]} Nothing was kept: record anew.")
        with saving(self.path(number)) as half:
            # The name of an unfinished file has no ending, so the format is named here.
            soundfile.write(half, np.clip(array, -1, 1), rate, format="WAV", subtype="PCM_16")
        self._write_table()
        return look

    def look(self, number: int) -> Look | None:
        """The recording of prompt `number` as `look_at` sees it, or None if there is none."""
        if not self.path(number).is_file():
            return None
        return look_at(*read_audio(self.path(number)))

    def _rows(self):
        """{number: row} of the table, as far as it tells of these prompts."""
        table = self.folder / TABLE
        if not table.is_file():
            return {}
        with table.open(encoding="utf-8", newline="") as file:
            rows = {row.get("file_name"): row for row in csv.DictReader(file)}
        names = {self.path(number).name: number for number in range(len(self.prompts))}
        return {names[name]: row for name, row in rows.items() if name in names}

    def _refuse_others(self):
        """Refuse recordings of other prompts: their rows in the table would be wrong."""
        for number, row in self._rows().items():
            said, wanted = row.get("transcription"), self.prompts[number].sentence
            if said != wanted and self.path(number).is_file():
                raise TakeError(
                    f"{self.folder / TABLE} says that {self.path(number).name} is {said!r}, and the "
                    f"prompt is {wanted!r}. If you record other sentences, choose another folder. If "
                    "you corrected the table, give this sound another name, here and in the table."
                )

    def _write_table(self):
        """A row for each recording. Rows of other sounds that somebody added stay."""
        table = self.folder / TABLE
        own = {self.path(number).name for number in range(len(self.prompts))}
        others = []
        if table.is_file():
            with table.open(encoding="utf-8", newline="") as file:
                found = csv.DictReader(file)
                others = [row for row in found if row.get("file_name") not in own]
        text = StringIO()
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", restval="")
        writer.writeheader()
        for number in self.kept():
            prompt = self.prompts[number]
            values = (self.path(number).name, prompt.sentence, prompt.split, "me")
            writer.writerow(dict(zip(COLUMNS, values)))
        writer.writerows(others)
        with saving(table) as half:
            half.write_text(text.getvalue(), encoding="utf-8", newline="")
