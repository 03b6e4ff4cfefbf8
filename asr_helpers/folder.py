"""Your own recordings: load a folder as the splits of the lessons, and report its problems."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import numpy as np

from asr_helpers.audio import Audio, AudioError, TooLong, read_audio
from asr_helpers.splits import as_splits, share_speakers, share_transcripts
from asr_helpers.tables import FolderError, as_sounds, read_rows
from asr_helpers.text import alphabet, is_plain, normalize

COLUMNS = "path audio transcription english_transcription intent_class lang_id speaker".split()
LONGEST, LONG, SHORT, SHORTEST = 120.0, 30.0, 0.5, 0.1  # seconds
CLIPPED = 5e-4  # a clip is clipped if at least this share of its samples is at the limit
SILENT = -45.0  # dB of full scale; a peak below it is hardly a voice
FEWEST_CLIPS, FEWEST_WORDS = 20, 100  # to choose a checkpoint by
FEWEST_MINUTES = 5.0  # of training
RARE = 10  # times; a letter that occurs less often is hardly learned
OFTEN = 5  # clips that say the same
TAG = re.compile(r"\[[^\]]*\]|<[^>]*>|\{[^}]*\}")
ENGLISH = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ'")


@dataclass(frozen=True)
class Line:
    """One finding about a folder: what it is, how many rows, the first few rows, and a remedy."""

    what: str
    count: int
    rows: tuple[str, ...]
    remedy: str

    def __str__(self):
        more = "; ..." if self.rows and self.count > len(self.rows) else ""
        named = "; ".join(self.rows) + more
        return (
            f"{self.what}: {self.count}"
            + (f" ({named})" if named else "")
            + f"\n   → {self.remedy}"
        )


@dataclass
class Report:
    """What a folder holds. Arrays have one value for each sound that could be read.

    `seconds` are durations. `peaks` are the largest samples, and `levels` the root mean squares,
    both in dB of full scale. `rates` counts clips by their samples a second. `lines` say what is
    wrong, or unusual. `corpus` is the DatasetDict, or None if fewer than three rows can be used.
    """

    path: str
    layout: str
    rows: int
    speakers: int
    seconds: np.ndarray
    peaks: np.ndarray
    levels: np.ndarray
    rates: Counter
    lines: list[Line] = field(default_factory=list)
    corpus: datasets.DatasetDict | None = None

    def __str__(self):
        rates = ", ".join(f"{rate} Hz in {n}" for rate, n in sorted(self.rates.items()))
        splits = {name: len(split) for name, split in (self.corpus or {}).items()}
        shares = ", ".join(f"{name} {n}" for name, n in splits.items()) or "too few rows to split"
        head = (
            f"{self.path}: {self.layout}\n"
            f"{self.rows} rows, {len(self.seconds)} sounds read, {self.seconds.sum() / 60:.1f} "
            f"minutes, speakers: {self.speakers or 'unknown'}; {rates or 'no sound'}\n"
            f"splits: {shares}"
        )
        return "\n".join([head, *map(str, self.lines)])


def load_folder(
    path: str | Path,
    language: str = "en-US",
    columns: Mapping[str, str] | None = None,
    seed: int = 42,
    hop_seconds: float = 0.03,
) -> datasets.DatasetDict:
    """Load your recordings as train, validation and test, with the columns of the lessons.

    Prints the report of `inspect_folder`, which names every row that is left out and why. For the
    layouts, see `asr_helpers.tables.read_rows`.

    Args:
        path: a folder, or a table in it.
        language: of the transcripts, such as "en-US"; a language that `normalize` has no rules for
            needs the ending "-x-plain", such as "sw-KE-x-plain".
        columns: the table's names for audio, transcription, speaker and split, where they differ
            from the common ones.
        seed: shuffles before rows are shared out.
        hop_seconds: the time from one frame of the model to the next; 0.02 for wav2vec2-base.

    Raises:
        FolderError: the folder cannot be read, or fewer than three rows can be used.
    """
    report = inspect_folder(path, language, columns, seed, hop_seconds)
    print(report)
    if report.corpus is None:
        raise FolderError(
            f"{path}: fewer than three of its {report.rows} rows can be used. The report above "
            "names each row and its remedy."
        )
    return report.corpus


def inspect_folder(
    path: str | Path,
    language: str = "en-US",
    columns: Mapping[str, str] | None = None,
    seed: int = 42,
    hop_seconds: float = 0.03,
) -> Report:
    """Read a folder of recordings, check each sound and each transcript, and report.

    Each sound is decoded once and not kept in memory. Rows that no lesson could use are left out.
    Such a row has no sound that can be read, or its sound is longer than two minutes or shorter
    than a tenth of a second, or its transcript is empty or cannot be said. The arguments are those
    of `load_folder`.
    """
    normalize("", language)  # raises for a language without rules, before anything is read
    found = read_rows(path, language, columns)
    lines = [Line(what, len(names), tuple(names[:5]), why) for what, names, why in found.notes]
    sounds = found.sounds
    if sounds is None:
        sounds = as_sounds([row.path for row in found.rows])
    log = _Log(found.rows)
    measured = _look_at_sounds(found.rows, sounds, log)
    texts = _look_at_transcripts(found.rows, language, log)
    _look_at_both(found.rows, texts, measured, hop_seconds, log)
    kept = [row for row in range(len(found.rows)) if row not in log.left_out]
    known = {row.speaker for row in found.rows if row.speaker}
    read = [measured[row] for row in sorted(measured)]
    report = Report(
        str(path), found.layout, len(found.rows), len(known),
        *(np.array([one[k] for one in read], dtype=np.float64) for k in range(3)),
        Counter(one[3] for one in read), lines,
    )  # fmt: skip
    if len(kept) >= 3:
        names, notes = _share(found.rows, texts, kept, seed)
        _look_at_splits(found.rows, texts, names, kept, measured, language, log)
        names = [None if row in log.left_out else name for row, name in zip(kept, names)]
        for note in notes:
            log.lines.append(
                Line(note.rstrip("."), len(kept), (), "Read the score with that in mind.")
            )
        report.corpus = _corpus(found.rows, sounds, kept, names, path, language)
        if not all(len(split) for split in report.corpus.values()):
            report.corpus = None
    report.lines += log.lines
    return report


class _Log:
    """Lines of a report, as they are found, and the numbers of rows that are left out."""

    def __init__(self, rows):
        self.rows, self.lines, self.left_out = rows, [], set()

    def add(self, what, numbers, remedy, leave_out=False, why=None):
        """Add a line about rows, if there are any; `why` adds a reason to the name of each row."""
        if not numbers:
            return
        names = [
            self.rows[number].where
            + (f" ({self.rows[number].written})" if self.rows[number].written else "")
            + (f": {why[number]}" if why else "")
            for number in numbers[:5]
        ]
        if leave_out:
            self.left_out |= set(numbers)
            what += ", left out"
        self.lines.append(Line(what, len(numbers), tuple(names), remedy))


def _look_at_sounds(rows, sounds, log):
    """{row: (seconds, peak dB, level dB, rate)} of the sounds that can be read."""
    measured, broken, missing, too_long, clipped, first, twice = {}, {}, [], [], [], {}, []
    inside = sounds.with_format("arrow")
    for number, row in enumerate(rows):
        stored = inside[number]["audio"][0].as_py() or {}
        if row.path is None and not stored.get("bytes"):
            missing.append(number)
            continue
        if row.path is not None and first.setdefault(row.path, number) != number:
            twice.append(number)
            continue
        source = stored.get("bytes") or str(row.path)
        try:
            array, rate = read_audio(source, None, row.written or row.where, max_seconds=LONGEST)
        except TooLong:
            too_long.append(number)
            continue
        except AudioError as error:
            broken[number] = re.sub(r" Replace the file.*", "", str(error).partition(": ")[2])
            continue
        array = array - array.mean(dtype=np.float64)
        peak = float(np.abs(array).max())
        level = float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
        decibels = (20 * np.log10(max(value, 1e-7)) for value in (peak, level))
        measured[number] = (len(array) / rate, *decibels, rate)
        if is_clipped(array):
            clipped.append(number)
    remedy = "Mend the names in the table, or put the files where the table says."
    log.add("the sound is not there", missing, remedy, leave_out=True)
    remedy = "Record or convert them anew."
    log.add("cannot be read", list(broken), remedy, leave_out=True, why=broken)
    remedy = "Give each recording one row; the first row counts."
    log.add("a sound that another row names, too", twice, remedy, leave_out=True)
    remedy = "Cut them into sentences, with a transcript for each."
    log.add(f"longer than {LONGEST:.0f} s", too_long, remedy, leave_out=True)
    seconds = {row: one[0] for row, one in measured.items()}
    long = [row for row, length in seconds.items() if length > LONG]
    log.add(f"longer than {LONG:.0f} s", long, "Cut them: they cost memory and learn slowly.")
    gone = [row for row, length in seconds.items() if length < SHORTEST]
    log.add(f"shorter than {SHORTEST} s", gone, "Record them anew.", leave_out=True)
    short = [row for row, length in seconds.items() if SHORTEST <= length < SHORT]
    log.add(f"shorter than {SHORT} s", short, "Listen to them: a word may be cut off.")
    remedy = "Record farther from the microphone, or with less gain; clipping cannot be undone."
    log.add("clipped (the loudest parts are cut flat)", clipped, remedy)
    quiet = [row for row, one in measured.items() if one[1] < SILENT]
    log.add(
        f"almost silent (no sample above {SILENT:.0f} dB)", quiet,
        "Listen to them: was the microphone on? Drop them if nothing is said.",
    )  # fmt: skip
    rates = Counter(one[3] for one in measured.values())
    if len(rates) > 1:
        common = rates.most_common(1)[0][0]
        odd = [row for row, one in measured.items() if one[3] != common]
        remedy = (
            "All are resampled in the same way. See that no split has one kind of recording only."
        )
        log.add(f"another sampling rate than {common} Hz", odd, remedy)
    low = [row for row, one in measured.items() if one[3] < 8000]
    remedy = "Record at 16000 Hz: resampling cannot bring back the missing frequencies."
    log.add("a sampling rate below 8000 Hz", low, remedy)
    return measured


def is_clipped(array: np.ndarray) -> bool:
    """Whether the loudest parts are cut flat: many samples at full scale, or five alike in a row.

    `array` holds samples of shape (samples,), mean 0.
    """
    size = np.abs(array)
    peak = size.max(initial=0.0)
    if peak < 0.1:
        return False
    if peak > 0.98:
        return bool(np.mean(size > 0.999 * peak) >= CLIPPED)
    flat = (size[1:] > 0.999 * peak) & (np.abs(np.diff(array)) < 1e-5)
    runs = flat[3:] & flat[2:-1] & flat[1:-2] & flat[:-3]
    return bool(np.sum(runs) >= max(2, CLIPPED * len(array)))


def _look_at_transcripts(rows, language, log):
    """The normalised transcript of each row; "" where there is none."""
    texts, unsaid, empty, tags, digits, spoken = [], {}, [], [], [], {}
    for number, row in enumerate(rows):
        text = row.text or ""
        if TAG.search(text):
            tags.append(number)
            texts.append("")
            continue
        try:
            texts.append(normalize(text, language))
        except ValueError as error:
            unsaid[number] = str(error).partition(": ")[2] or str(error)
            texts.append("")
            continue
        if not texts[-1]:
            empty.append(number)
        elif re.search(r"\d", text):
            digits.append(number)
            spoken[number] = f"{text[:40]!r} is read {texts[-1][:60]!r}"
    log.add("no transcript", empty, "Write what is said, or delete the row.", leave_out=True)
    remedy = "Write what is said in their place, or delete the row."
    log.add("tags in the transcript", tags, remedy, leave_out=True)
    remedy = "Write them as they are spoken."
    log.add("transcripts that cannot be said", list(unsaid), remedy, leave_out=True, why=unsaid)
    remedy = "Listen to them: if the speakers say something else, write the numbers in words."
    log.add("digits in the transcript", digits, remedy, why=spoken)
    by_text = {}
    for number, text in enumerate(texts):
        if text:
            by_text.setdefault(text, []).append(number)
    often = [numbers[0] for numbers in by_text.values() if len(numbers) >= OFTEN]
    times = {
        numbers[0]: f"{texts[numbers[0]][:40]!r} in {len(numbers)} clips"
        for numbers in by_text.values()
    }
    remedy = "All clips of a transcript go to one split; more different sentences teach more."
    log.add(f"transcripts of {OFTEN} clips or more", often, remedy, why=times)
    return texts


def _look_at_both(rows, texts, measured, hop_seconds, log):
    tight = []
    for number, (seconds, *_) in measured.items():
        labels = texts[number]
        needed = len(labels) + sum(a == b for a, b in zip(labels, labels[1:]))
        if labels and needed > seconds / hop_seconds - 1:
            tight.append(number)
    log.add(
        "a transcript longer than the sound has room for", tight,
        "Compare them: the transcript may be another clip's. Training leaves such rows out.",
    )  # fmt: skip


def _share(rows, texts, kept, seed):
    """(the split of each kept row, or None; notes)."""
    own = [rows[row].split for row in kept]
    said = [texts[row] for row in kept]
    if "train" not in own or not {"validation", "test"} & set(own):
        return share_speakers(said, [rows[row].speaker for row in kept], seed)
    names = [name if name in ("train", "validation", "test") else None for name in own]
    notes = ["The folder's own splits are kept"]
    if None in names:
        notes.append(f"{names.count(None)} rows of no split are left out")
    for wanted, share in (("test", 0.2), ("validation", 0.125)):
        if wanted not in names:
            train = [place for place, name in enumerate(names) if name == "train"]
            shares = {"train": 1 - share, wanted: share}
            cut, _ = share_transcripts([said[place] for place in train], seed, shares)
            for place, name in zip(train, cut):
                names[place] = name
            notes.append(
                f"The folder has no {wanted} split: {cut.count(wanted)} rows of train are used for it"
            )
    held = {text for text, name in zip(said, names) if name in ("validation", "test")}
    shared = [k for k, (t, name) in enumerate(zip(said, names)) if name == "train" and t in held]
    if len(shared) > names.count("train") / 2:
        notes.append(
            f"{len(shared)} training rows have a transcript of validation or test, and stay"
        )
    elif shared:
        notes.append(
            f"{len(shared)} training rows have a transcript of validation or test: they are left out"
        )
        for place in shared:
            names[place] = None
    return names, notes


def _look_at_splits(rows, texts, names, kept, measured, language, log):
    split = {name: [r for r, own in zip(kept, names) if own == name] for name in set(names)}
    train, validation, test = (split.get(name, []) for name in ("train", "validation", "test"))
    letters = Counter("".join(texts[row] for row in train).replace(" ", ""))
    if language[:2].lower() == "en" and not is_plain(language):
        known = ENGLISH
    else:
        known = {*letters, *alphabet(language)}
        rare = {letter: n for letter, n in letters.items() if n < RARE}
        numbers = [row for row in train if set(texts[row]) & set(rare)]
        which = ", ".join(sorted(rare))
        remedy = (
            "They have tokens, but too few examples to be learned: record more words with them."
        )
        log.add(f"letters that training hardly has ({which})", numbers, remedy)
    unknown = {}
    for row in kept:
        if others := sorted(set(texts[row]) - known - {" "}):
            unknown[row] = "".join(others)
    remedy = (
        "Choose the right language, write the words in its letters, or record more words with "
        "these letters."
    )
    log.add("letters without a token", list(unknown), remedy, leave_out=True, why=unknown)
    heard = {word for row in train for word in texts[row].split()}
    new = Counter(word for row in test for word in texts[row].split() if word not in heard)
    words = sum(len(texts[row].split()) for row in test)
    if new:
        some = tuple(word for word, _ in new.most_common(5))
        share = new.total() / words
        what = f"words of the test split that training does not have ({share:.0%} of its words)"
        remedy = "The model must spell them by ear. More different sentences help."
        log.lines.append(Line(what, len(new), some, remedy))
    words = sum(len(texts[row].split()) for row in validation)
    if len(validation) < FEWEST_CLIPS or words < FEWEST_WORDS:
        what = f"clips of validation, too little to validate on ({words} words)"
        remedy = "These clips choose the best checkpoint: record more, or do not rely on its score."
        log.lines.append(Line(what, len(validation), (), remedy))
    minutes = sum(measured[row][0] for row in train) / 60
    if minutes < FEWEST_MINUTES:
        what = f"clips of train, little to train on ({minutes:.1f} minutes)"
        log.lines.append(Line(what, len(train), (), "Record more; ten minutes are a good start."))
    if not any(rows[row].speaker for row in kept):
        remedy = "If there are several speakers, name them in a column `speaker`."
        log.lines.append(Line("rows without a speaker", len(kept), (), remedy))


def _corpus(rows, sounds, kept, names, path, language):
    """The DatasetDict of the kept rows, in `COLUMNS`."""
    root = Path(path).expanduser()
    root = root if root.is_dir() else root.parent

    def inside(row):
        if row.path is not None and row.path.is_relative_to(root):
            return row.path.relative_to(root).as_posix()
        return row.written or row.where

    chosen = [rows[row] for row in kept]
    columns = {
        "path": [inside(row) for row in chosen],
        "transcription": [row.text for row in chosen],
        "english_transcription": [row.text if language[:2] == "en" else "" for row in chosen],
        "intent_class": [0] * len(chosen),
        "lang_id": [0] * len(chosen),
        "speaker": [row.speaker for row in chosen],
    }
    features = datasets.Features(
        path=datasets.Value("string"), transcription=datasets.Value("string"),
        english_transcription=datasets.Value("string"),
        intent_class=datasets.ClassLabel(names=["speech"]),
        lang_id=datasets.ClassLabel(names=[language]), speaker=datasets.Value("string"),
    )  # fmt: skip
    told = datasets.Dataset.from_dict(columns, features=features)
    heard = sounds.select(kept).cast_column("audio", Audio())
    joined = datasets.concatenate_datasets([told, heard], axis=1).select_columns(COLUMNS)
    return as_splits(joined, names)
