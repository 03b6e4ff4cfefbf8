"""A corpus of any size as tar files of prepared utterances: made in parallel, read as a stream.

Each tar is a shard in the WebDataset format. An utterance is two files in it, such as `000012.flac`
and `000012.json`. `python -m asr_helpers.shards --help` tells how to make them.
"""

import argparse
import dataclasses
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import soundfile
from datasets.distributed import split_dataset_by_node
from tqdm.auto import tqdm

from asr_helpers.artifacts import saving
from asr_helpers.audio import Audio
from asr_helpers.corpus import load_corpus
from asr_helpers.parallel import process_count, process_number
from asr_helpers.processor import load_processor, prepare_row

SOUNDS = ("flac", "wav", "mp3", "ogg", "opus")  # fields of a WebDataset that hold the sound
TEXTS = ("transcription", "text", "sentence")  # columns, or keys of the json field


@dataclasses.dataclass(frozen=True)
class Shard:
    """The description of a prepared shard, from the .json file beside the tar."""

    source: str
    clips: int
    seconds: float
    left_out: tuple[str, ...]  # a sentence for each row that could not be prepared


def prepare_shards(
    sources: Sequence[str | Path | datasets.Dataset],
    processor: Any,
    language: str,
    folder: str | Path,
    *,
    name: str = "train",
    workers: int = 1,
) -> list[Shard]:
    """Make one prepared shard of each source; shards that exist already are kept.

    A shard is written completely or not at all, so that an interrupted run can resume with the next
    shard. Rows that cannot be prepared are left out, and the shard's description says why.

    Args:
        sources: Parquet files with the columns audio and transcription, WebDataset tars with a
            sound and a text, or Datasets (parts of a corpus).
        processor: the base model's.
        language: chooses how transcripts are normalised.
        folder: gets `train-00000.tar`, `train-00000.json`, `train-00001.tar`, ...
        name: the first part of those names.
        workers: processes that prepare at once.

    Raises:
        ValueError: a shard there was made of another source, or in another way; or a source cannot
            be read. The message names it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _settings(processor, language)
    jobs, done = [], {}
    for number, source in enumerate(sources):
        target = folder / f"{name}-{number:05}.tar"
        if (kept := _kept(target, source, wanted)) is not None:
            done[target] = kept
        else:
            jobs.append((source, processor, language, target))
    progress = tqdm(total=len(jobs), desc="Preparing", unit="shard", disable=len(jobs) < 2)
    if workers == 1:
        for job in jobs:
            done[job[-1]] = _prepare(*job)
            progress.update()
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for job, found in zip(jobs, pool.map(_prepare, *zip(*jobs))) if jobs else ():
                done[job[-1]] = found
                progress.update()
    progress.close()
    return [done[target] for target in sorted(done)]


def shards_in(folder: str | Path, name: str = "train") -> list[Path]:
    """The prepared tars of that name in a folder.

    Raises:
        FileNotFoundError: there are none; the message says how they are made.
    """
    found = sorted(Path(folder).glob(f"{name}-*.tar"))
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no {name}-*.tar: make them with `python -m asr_helpers.shards`."
        )
    return found


def corpus_shards(corpus: str | Path) -> dict[str, list[Path]] | None:
    """The shards of a corpus by split, "train" and "validation"; None where it has no shards.

    Args:
        corpus: a folder of `train-*.tar` and `validation-*.tar`, or a pattern of the training
            shards, such as `parts/*/train-*.tar`, with `validation-*.tar` beside some of them.

    Raises:
        FileNotFoundError: the pattern fits no file, or there is no shard to validate on.
    """
    if re.search(r"[*?[].*\.tar$", str(corpus)):
        pattern = Path(corpus)
        top = pattern.anchor
        train = sorted(Path(top).glob(str(pattern.relative_to(top))))
        if not train:
            raise FileNotFoundError(
                f"No file fits the pattern {corpus}: check the folders that it names."
            )
    else:
        train = sorted(Path(corpus).glob("train-*.tar"))
        if not train:
            return None
    folders = sorted({path.parent for path in train})
    validation = [path for folder in folders for path in sorted(folder.glob("validation-*.tar"))]
    return {"train": train, "validation": validation or shards_in(folders[0], "validation")}


def about_shards(shards: Sequence[str | Path], processor: Any, language: str) -> list[Shard]:
    """The descriptions of prepared shards, as `prepare_shards` returned them.

    Raises:
        ValueError: a tar was not prepared, or was prepared for another processor or language. The
            message names it, and what differs.
    """
    found, wanted = [], _settings(processor, language)
    for path in map(Path, shards):
        if (told := _told(path)) is None:
            raise ValueError(
                f"{path}: beside it there is no whole {path.stem}.json, so it was not prepared, or "
                "not to its end. Prepare it with `python -m asr_helpers.shards`."
            )
        shard, before = told
        if differs := [key for key in wanted if before.get(key) != wanted[key]]:
            raise ValueError(
                f"{path} was prepared with another {differs[0]} than the base model and the "
                "language ask for: set those back, or prepare shards in another folder."
            )
        found.append(shard)
    return found


def load_shards(shards: Sequence[str | Path], samples: int | None = None) -> datasets.Dataset:
    """Rows of prepared shards in memory, with the columns of `prepare_dataset`.

    Every process reads the same rows, in the order of the shards.

    Args:
        samples: reading stops after this number of samples; None reads everything.
    """
    rows, held = [], 0
    for row in map(decoded, _encoded(shards)):
        rows.append(row | {"labels": np.asarray(row["labels"], dtype=np.int64)})
        held += row["input_length"]
        if samples is not None and held >= samples:
            break
    return datasets.Dataset.from_list(rows)


def read_stream(shards: Sequence[str | Path], epoch: int, seed: int) -> datasets.IterableDataset:
    """The utterances of prepared shards, one after the other, their sound still encoded.

    The order of the shards differs in each epoch. Each process and each worker of a DataLoader
    reads its own shards. If there are fewer shards than processes, all processes read all shards,
    and each keeps its share of the rows.

    Args:
        shards: paths, or addresses that `datasets` reads (https://, hf://).
        epoch: the pass.
        seed: with `epoch`, orders the shards.
    """
    rows = _encoded(shards)
    # A buffer of one row shuffles no rows, so only the order of the shards is random. The place that
    # the stream reports is then enough to resume. Rows in a larger buffer would be lost.
    rows = rows.shuffle(seed=seed, buffer_size=1)
    rows.set_epoch(epoch)
    if process_count() > 1:
        rows = split_dataset_by_node(rows, process_number(), process_count())
    return rows


def decoded(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `read_stream` with input_values, float32 of shape (samples,), and labels."""
    values, _ = soundfile.read(io.BytesIO(row["flac"]["bytes"]), dtype="float32")
    about = row["json"]
    return {
        "input_values": values * np.float32(about["peak"]), "input_length": len(values),
        "labels": about["labels"], "text": about["text"], "path": about["path"],
    }  # fmt: skip


def name_of(source: Any) -> str:
    """What to call a source: a file's name and size, or a Dataset's fingerprint and rows."""
    if isinstance(source, datasets.Dataset):
        return f"a part of {len(source)} rows ({source._fingerprint})"
    path = Path(source)
    return f"{path.name} ({path.stat().st_size if path.is_file() else 0} bytes)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the splits of a corpus as shards; 0, or 2 with a sentence on stderr."""
    made = argparse.ArgumentParser(prog="python -m asr_helpers.shards", description=main.__doc__)
    made.add_argument("--corpus", required=True, help="as the profile's: a folder, or a Hub id")
    made.add_argument("--files", nargs="*", help="Parquet files or tars instead of the train split")
    made.add_argument("--revision", help="the commit of a corpus on the Hub")
    made.add_argument("--language", default="en-US")
    made.add_argument("--base-model", required=True, help="whose processor reads the corpus")
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--shards", type=int, default=16, help="of the training split")
    made.add_argument("--workers", type=int, default=1, help="processes")
    options = made.parse_args(arguments)
    try:
        processor = load_processor(options.base_model)
        corpus = load_corpus(options.corpus, options.language, options.revision)
        train = options.files or [
            corpus["train"].shard(options.shards, number, contiguous=True)
            for number in range(options.shards)
        ]
        splits = {"train": train, "validation": [corpus["validation"]], "test": [corpus["test"]]}
        for name, sources in splits.items():
            shards = prepare_shards(
                sources, processor, options.language, options.out, name=name,
                workers=options.workers,
            )  # fmt: skip
            bad = sum(len(shard.left_out) for shard in shards)
            hours = sum(shard.seconds for shard in shards) / 3600
            print(f"{name}: {len(shards)} shards, {hours:.2f} hours, {bad} rows left out")
    except (FileNotFoundError, ValueError, ConnectionError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _prepare(source: Any, processor: Any, language: str, target: Path) -> Shard:
    clips, seconds, left_out = 0, 0.0, []
    rate = processor.feature_extractor.sampling_rate
    with saving(target) as half, tarfile.open(half, "w") as tar:
        for number, (row, error) in enumerate(_rows(source, rate)):
            try:
                if error is not None:
                    raise error
                ready = prepare_row(row, f"Row {number} of {name_of(source)}", processor, language)
            except ValueError as error:
                left_out.append(str(error))
                continue
            values = ready["input_values"]
            peak = float(np.abs(values).max()) or 1.0
            sound = io.BytesIO()
            soundfile.write(sound, values / peak, rate, format="FLAC", subtype="PCM_16")
            about = {key: ready[key] for key in ("labels", "text", "path", "input_length")}
            text = json.dumps(about | {"peak": peak}).encode()
            for ending, data in (("flac", sound.getvalue()), ("json", text)):
                entry = tarfile.TarInfo(f"{number:08}.{ending}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
            clips, seconds = clips + 1, seconds + len(values) / rate
    if not clips:
        target.unlink()
        why = f" The first: {left_out[0]}" if left_out else ""
        raise ValueError(f"{name_of(source)}: none of its rows can be used.{why}")
    shard = Shard(name_of(source), clips, seconds, tuple(left_out))
    with saving(target.with_suffix(".json")) as half:
        told = dataclasses.asdict(shard) | {"settings": _settings(processor, language)}
        half.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return shard


def _rows(source: Any, rate: int) -> Iterator[tuple[dict | None, Exception | None]]:
    """(row, None), or (None, what is wrong with it), with the columns audio and transcription."""
    rows = source if isinstance(source, datasets.Dataset) else _opened(Path(source))
    rows = rows.cast_column("audio", Audio(decode=False))
    feature = Audio(sampling_rate=rate)
    for row in rows:
        try:
            yield row | {"audio": row["audio"] and feature.decode_example(row["audio"])}, None
        except ValueError as error:
            yield None, error


def _opened(path: Path) -> datasets.IterableDataset:
    kind = {".parquet": "parquet", ".tar": "webdataset"}.get(path.suffix)
    if kind is None or not path.is_file():
        raise ValueError(
            f"{path}: is missing, or is no Parquet file and no tar. Give Parquet files or tars that "
            "are there."
        )
    rows = _stream_files(kind, [path])
    names = list(rows.features)
    if kind == "webdataset":
        sound = next((name for name in SOUNDS if name in names), None)
        if sound is None or not {"txt", "json"} & set(names):
            raise ValueError(
                f"{path}: has only {', '.join(names)}. For each utterance, put a sound "
                f"({', '.join(SOUNDS)}) and its text (txt or json) into the tar."
            )
        rows = rows.cast_column(sound, Audio(decode=False))

        def named(row):
            about = row.get("json") or {}
            text = row.get("txt") or next((about[k] for k in TEXTS if k in about), None)
            return {"audio": row[sound], "transcription": text, "path": row["__key__"]}

        kept = datasets.Features(
            audio=Audio(decode=False), transcription=datasets.Value("string"),
            path=datasets.Value("string"),
        )  # fmt: skip
        return rows.map(named, remove_columns=names, features=kept)
    text = next((name for name in TEXTS if name in names), None)
    if "audio" not in names or text is None:
        raise ValueError(
            f"{path}: has no columns audio and transcription, but {', '.join(names)}. Rename its "
            "columns."
        )
    return rows if text == "transcription" else rows.rename_column(text, "transcription")


def _settings(processor: Any, language: str) -> dict[str, Any]:
    """All that the content of a shard depends on, beside its source."""
    extractor, vocabulary = processor.feature_extractor, processor.tokenizer.get_vocab()
    return {
        "language": language, "rate": extractor.sampling_rate, "normalize": extractor.do_normalize,
        "vocabulary": sorted(vocabulary, key=vocabulary.get),
    }  # fmt: skip


def _kept(target: Path, source: Any, settings: Mapping[str, Any]) -> Shard | None:
    """The shard that is there already, or None."""
    if not target.is_file() or (told := _told(target)) is None:
        return None  # missing or cut off: it is made again
    shard, before = told
    differs = [key for key in settings if before.get(key) != settings[key]]
    if shard.source != name_of(source):
        differs.insert(0, f"source, which was {shard.source} and is {name_of(source)}")
    if differs:
        raise ValueError(
            f"{target} was made with another {differs[0]}: choose another folder, or delete this "
            "one to prepare anew."
        )
    return shard


def _told(target: Path) -> tuple[Shard, dict[str, Any]] | None:
    """A shard and its settings, from the .json file beside it; None if that is incomplete."""
    try:
        told = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
        before = dict(told.pop("settings"))
        return Shard(**told | {"left_out": tuple(told["left_out"])}), before
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _encoded(shards: Sequence[str | Path]) -> datasets.IterableDataset:
    """The rows of prepared shards in their order, the sound still encoded."""
    return _stream_files("webdataset", shards).cast_column("flac", Audio(decode=False))


def _stream_files(kind: str, paths: Sequence[str | Path]) -> datasets.IterableDataset:
    """The rows of files on this disk. `kind` is one of the library's readers, such as "parquet".

    The library reports each use of a reader to a server that counts downloads. This function turns
    the report off.
    """
    counted = datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    try:
        return datasets.load_dataset(
            kind, data_files={"train": [str(path) for path in paths]}, split="train", streaming=True
        )
    finally:
        datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = counted


if __name__ == "__main__":
    sys.exit(main())
