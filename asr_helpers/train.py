"""Lesson 05 as a command: `python -m asr_helpers.train --profile offline --out run`.

The command has the same recipe, and writes the same files. Every setting of the profile is an
option. A `--corpus` of tar shards (see asr_helpers.shards) is read as a stream, and may have any
size. If `torchrun` or `accelerate launch` starts the command, several processes train together.
"""

import argparse
import contextlib
import dataclasses
import inspect
import json
import os
import re
import signal
import sys
import time
import traceback
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from accelerate import PartialState
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import distributed
from transformers import TrainerCallback

from asr_helpers.artifacts import discard, explained, require, saving
from asr_helpers.batches import SecondsBatchSampler
from asr_helpers.checkpoints import NOT_TRAINING, Busy, checkpoints_in, describe_run
from asr_helpers.corpus import load_corpus
from asr_helpers.devices import device
from asr_helpers.finished import LESSON, METRICS, OWN
from asr_helpers.inference import transcribe
from asr_helpers.metrics import cer, wer
from asr_helpers.model import load_model
from asr_helpers.parallel import any_of_them, from_first, is_first_process, process_count
from asr_helpers.processor import keep_fitting, load_processor, prepare_dataset
from asr_helpers.profiles import PROFILES, Profile
from asr_helpers.recipe import (
    course_head,
    course_mixture,
    course_model,
    course_stream,
    course_trainer,
    train_or_resume,
    trained_model,
    weights_to_mix,
)
from asr_helpers.report import machine, recorded_knobs, run_record, versions
from asr_helpers.shards import about_shards, corpus_shards, load_shards
from asr_helpers.stream import WINDOW_SECONDS
from asr_helpers.training import peak_memory_mb

DONE, FAILED, WRONG_INPUT, STOPPED = 0, 1, 2, 75  # exit codes; in sysexits.h 75 is "try again"
CHECKPOINTS, START, LOG, RUN = "05_training", "05_started.safetensors", "log.jsonl", "05_run.json"
# Knobs that this command does not read, or that have an option of their own.
LEFT_OUT = NOT_TRAINING - {"shares", "base_model"}
KNOBS = [field for field in dataclasses.fields(Profile) if field.name not in LEFT_OUT]


class Stopped(Exception):
    """A signal has stopped the run. The run can be resumed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line says; returns the exit code.

    0: the model is there. 2: the input is wrong, and a sentence on stderr says what to do. 75: a
    signal or the end of another process has stopped the run, which goes on with --resume. 1: the
    training failed, and a sentence says why.
    """
    options = parser().parse_args(arguments)
    profile = chosen_profile(options)
    transformers.utils.logging.set_verbosity_error()
    ask, log = Ask(), Log(Path(profile.artifacts) / LOG)
    try:
        with ask:
            if "RANK" in os.environ:
                PartialState(cpu=device().type == "cpu")
            train(profile, resume=options.resume, ask=ask)
    except Stopped as stop:
        return _say(STOPPED, str(stop))
    except (FileNotFoundError, ValueError, ConnectionError, Busy) as error:
        log.failed(error)
        return _say(WRONG_INPUT, str(error))
    except (FloatingPointError, MemoryError, OSError) as error:
        log.failed(error)
        return _say(FAILED, str(error))
    except RuntimeError as error:
        if not _lost_another(error):
            raise
        return _say(
            STOPPED,
            "Another process of this training has ended, so this one ends, too. Look at the other "
            f"one's message. {_goes_on(profile)}",
        )
    finally:
        _leave()
    return DONE


def parser() -> argparse.ArgumentParser:
    """The command line: an option for each knob of training; its help is the knob's comment."""
    made = argparse.ArgumentParser(
        prog="python -m asr_helpers.train", description=__doc__.partition("\n")[0],
        epilog="Exit codes: 0 finished, 1 failed, 2 wrong input, 75 stopped: go on with --resume.",
    )  # fmt: skip
    made.add_argument("--profile", choices=PROFILES, default="offline", help="the knobs' values")
    made.add_argument("--out", type=Path, help="folder for all that the run leaves")
    made.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    told, hints = _comments(), typing.get_type_hints(Profile)
    for knob in KNOBS:
        made.add_argument(
            f"--{knob.name.replace('_', '-')}", default=None,
            help=told.get(knob.name, "").replace("%", "%%") or "see the profile",
            **_kind(hints[knob.name]),
        )  # fmt: skip
    return made


def chosen_profile(options: argparse.Namespace) -> Profile:
    """The profile of that name, with the knobs that the command line changes."""
    given = {knob.name: getattr(options, knob.name) for knob in KNOBS}
    changed = {
        name: tuple(v) if isinstance(v, list) else v for name, v in given.items() if v is not None
    }
    if options.out is not None:
        changed["artifacts"] = options.out
    # Options change the recipe, so that what the lessons claim of it no longer holds.
    measured = PROFILES[options.profile].measured and set(changed) <= {"artifacts"}
    return dataclasses.replace(PROFILES[options.profile], **changed, measured=measured)


def train(profile: Profile, *, resume: bool = False, ask: "Ask | None" = None) -> dict[str, float]:
    """Lesson 05 from the corpus to the finished model, in `profile.artifacts`; its metrics.

    Args:
        profile: every knob.
        resume: go on with a run that was stopped there, or say that it is finished.
        ask: says whether somebody asked to stop; with None nobody can ask.

    Raises:
        ValueError: the folder holds a run, and `resume` is False; or the folder holds a run with
            other settings.
        Stopped: somebody asked; the message says how the run goes on.
        Others: see `train_or_resume` and `load_corpus`.
    """
    out, ask = Path(profile.artifacts), ask or Ask()
    finetuned, folder, log = out / OWN, out / CHECKPOINTS, Log(out / LOG)
    if from_first(lambda: _is_finished(out, resume, profile)):
        log.write("finished before")
        return json.loads((out / METRICS).read_text(encoding="utf-8"))
    log.write(
        "start", profile=profile.name, processes=process_count(), machine=machine(),
        versions=versions(), knobs={k.name: getattr(profile, k.name) for k in KNOBS},
    )  # fmt: skip
    processor, model, read = _read(profile)
    rows, validation = read.train, read.validation
    log.write(
        "corpus", train_clips=read.clips, validation_clips=len(validation),
        train_seconds=read.seconds,
        update_seconds=_update_seconds(profile, read.sample["input_length"]),
    )  # fmt: skip

    run = json.dumps(describe_run(profile, processor, model, rows, validation), sort_keys=True)
    started = _head(profile, model, read.sample, out / START, run, log)
    trainer = course_trainer(
        profile, model=model, processor=processor, train=rows, validation=validation, folder=folder,
        callbacks=[log, ask],
    )  # fmt: skip
    resumed = train_or_resume(profile, trainer)
    if ask.stopped:
        log.write("stopped", step=trainer.state.global_step)
        raise Stopped(
            f"Stopped after step {trainer.state.global_step}, as a signal asked. {_goes_on(profile)}"
        )
    if not is_first_process():  # the rest is one process's work
        return {}
    log.write("trained", step=trainer.state.global_step, resumed_from=resumed)
    best = {k: w.cpu().clone() for k, w in trained_model(trainer).state_dict().items()}
    waveforms = [row["input_values"] for row in validation]
    before, truth = weights_to_mix(profile, processor, started), list(validation["text"])
    mixture, share, written = course_mixture(
        profile, processor, before=before, after=best, truth=truth,
        write=lambda candidate: transcribe(candidate, processor, waveforms),
    )  # fmt: skip
    by_share = {tried: wer(truth, texts) for tried, texts in written.items()}
    with saving(finetuned) as half:
        mixture.save_pretrained(half)
        processor.save_pretrained(half)
    texts = transcribe(load_model(finetuned), processor, waveforms)
    metrics = {
        "validation_wer": wer(truth, texts),
        "validation_cer": cer(truth, texts),
        "train_seconds": log.seconds(),
        "peak_memory_mb": peak_memory_mb(),
    }
    record = run_record(profile, trainer.state.log_history, by_share, metrics)
    with saving(out / RUN) as half:
        half.write_text(json.dumps(record, indent=1), encoding="utf-8")
    with saving(out / METRICS) as half:
        half.write_text(json.dumps(metrics, indent=2), encoding="utf-8")
    discard(folder)
    discard(out / START)
    log.write("finished", share=share, **metrics)
    return metrics


class Log(TrainerCallback):
    """Appends what happens to a file, one JSON object a line, each with `time` and `event`.

    Only the first process writes. `time` is in seconds since 1970.
    """

    def __init__(self, path: Path):
        self.path = path

    def write(self, event: str, **values: Any) -> None:
        """Append a line."""
        if not is_first_process():
            return
        line = json.dumps({"time": round(time.time(), 3), "event": event} | values, default=str)
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def failed(self, error: Exception) -> None:
        """Append why the run ended, with the traceback, for whoever looks for a fault in the code."""
        told = "".join(traceback.format_exception(error))
        with contextlib.suppress(OSError):  # the disk may be what failed
            self.write("failed", message=str(error), traceback=told)

    def seconds(self) -> float:
        """How long all runs in this folder took together, up to each one's last line."""
        spans = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # the disk was full, or the power went, in the middle of a line
                continue
            if entry["event"] == "start":
                spans.append([entry["time"], entry["time"]])
            elif spans:
                spans[-1][1] = entry["time"]
        return sum(last - first for first, last in spans)

    def on_log(self, args, state, control, logs: Mapping[str, Any] | None = None, **_):
        """A training loss, or the scores of validation."""
        kind = "validation" if any(name.startswith("eval_") for name in logs or {}) else "training"
        self.write(kind, step=state.global_step, **(logs or {}))

    def on_save(self, args, state, control, **_):
        """A checkpoint is whole."""
        self.write("checkpoint", step=state.global_step)


class Ask(TrainerCallback):
    """Stops a run cleanly when SIGTERM or SIGINT asks for it: `with Ask() as ask`, and pass it on.

    During training, the present update is finished and a checkpoint is written. At any other time
    `Stopped` is raised at once. All processes stop after the same update. A second signal ends the
    process as it would have done without this.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        self.asked = self.stopped = self.training = False
        self._before = {}

    def __enter__(self) -> "Ask":
        self._before = {number: signal.signal(number, self._heard) for number in self.SIGNALS}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number, frame):
        self.__exit__()
        self.asked = True
        if not self.training:
            raise Stopped("Stopped before the first update. Run the same command with --resume.")

    def on_train_begin(self, args, state, control, **_):
        """From here on a checkpoint can be written."""
        self.training = True

    def on_train_end(self, args, state, control, **_):
        """No more checkpoints."""
        self.training = False

    def on_step_end(self, args, state, control, **_):
        """After each update: has any process been asked?"""
        if any_of_them(self.asked, args.device):
            self.stopped = control.should_save = control.should_training_stop = True


@dataclasses.dataclass(frozen=True)
class _Corpus:
    """What training reads: `train`, rows or a stream, and how much that is."""

    train: Any
    sample: Any  # the rows that the head is trained on: some rows of a stream, else all rows
    validation: Any
    clips: int
    seconds: float


def _read(profile: Profile) -> tuple[Any, Any, _Corpus]:
    """(processor, model, corpus). A corpus of shards becomes a stream, any other becomes rows."""
    if (shards := corpus_shards(profile.corpus)) is None:
        corpus = load_corpus(profile.corpus, profile.language, profile.revision, profile.seed)
        # If the corpus has letters that the base model lacks, the processor gets a new tokenizer.
        spoken = corpus["train"]["transcription"]
        processor = load_processor(profile.base_model, profile.language, spoken)
        rows = prepare_dataset(corpus["train"], processor, profile.language)
        validation = prepare_dataset(corpus["validation"], processor, profile.language)
        model = course_model(profile, processor)
        rows = keep_fitting(rows, model)
        seconds = sum(rows["input_length"]) / profile.sampling_rate
        return processor, model, _Corpus(rows, rows, validation, len(rows), seconds)
    processor = load_processor(profile.base_model)
    about = about_shards(shards["train"], processor, profile.language)
    about_shards(shards["validation"], processor, profile.language)
    validation, model = load_shards(shards["validation"]), course_model(profile, processor)
    order = np.random.default_rng(profile.seed).permutation(len(about))
    window = int(WINDOW_SECONDS * profile.sampling_rate)
    sample = load_shards([shards["train"][k] for k in order], window)
    return processor, model, _Corpus(
        course_stream(profile, model, shards["train"]), keep_fitting(sample, model), validation,
        sum(shard.clips for shard in about), sum(shard.seconds for shard in about),
    )  # fmt: skip


def _head(
    profile: Profile, model: Any, rows: Any, kept: Path, run: str, log: Log
) -> dict[str, torch.Tensor]:
    """The state of the model after its head was trained.

    The head is read from `kept` if that file belongs to this `run`. If not, the head is trained now
    and saved there.
    """
    if _run_of(kept) == run:
        model.load_state_dict(load_file(kept))
    else:
        losses = course_head(profile, model, rows)
        log.write("head", steps=len(losses), loss=losses[-1] if losses else None)
    started = {name: weight.cpu().clone() for name, weight in model.state_dict().items()}

    def keep():
        if _run_of(kept) != run:
            with saving(kept) as half:
                save_file(started, half, {"run": run})

    from_first(keep)
    return started


def _run_of(kept: Path) -> str | None:
    try:
        with safe_open(kept, "pt") as stored:
            return (stored.metadata() or {}).get("run")
    except (FileNotFoundError, SafetensorError):
        return None


def _update_seconds(profile: Profile, lengths: Sequence[int]) -> float:
    """Seconds of speech in an update, on average, in all processes together."""
    seconds = sum(lengths) / profile.sampling_rate
    batches = len(lengths) / profile.batch_size
    if profile.equal_seconds:
        rate, size = profile.sampling_rate, profile.batch_seconds
        batches = len(SecondsBatchSampler(lengths, rate, size, profile.seed))
    return seconds / batches * profile.accumulation * process_count()


def _is_finished(out: Path, resume: bool, profile: Profile) -> bool:
    """Whether the run in `out` is at its end; ValueError where a new one would overwrite another.

    It is also a ValueError if the finished run had other knobs than `profile`.
    """
    finished = (out / OWN).is_dir() and (out / METRICS).is_file()
    begun = bool(checkpoints_in(out / CHECKPOINTS)) or (out / START).is_file()
    if not resume and (begun or (out / OWN).exists()):
        what = "a run that has begun" if begun else "a finished model"
        raise ValueError(
            f"{out} holds {what}: choose another folder with --out, or add --resume to go on."
        )
    if resume and finished and not begun:
        require(out / OWN, LESSON)
        if (out / RUN).exists():
            kept = json.loads(require(out / RUN, LESSON).read_text(encoding="utf-8")).get(
                "knobs", {}
            )
            mine = json.loads(json.dumps(recorded_knobs(profile), default=str))
            changed = [k.name for k in KNOBS if k.name in kept and kept[k.name] != mine[k.name]]
            if changed:
                told = ", ".join(f"{k} was {kept[k]} and is {mine[k]}" for k in changed[:4])
                raise ValueError(
                    f"{out} holds a finished model of another run: {told}. Choose another folder with "
                    "--out, or leave these options as they were."
                )
        return True
    return False


def _goes_on(profile: Profile) -> str:
    found = checkpoints_in(Path(profile.artifacts) / CHECKPOINTS)
    where = f"from {found[-1].name}" if found else "from the beginning"
    return f"The same command with --resume goes on {where}."


def _lost_another(error: RuntimeError) -> bool:
    """Whether PyTorch says that it can no longer reach another process."""
    kinds = (
        getattr(distributed, "DistBackendError", ()),
        getattr(distributed, "DistNetworkError", ()),
    )
    said = re.search("closed by peer|Connection reset|gloo|NCCL|Broken pipe", str(error))
    return process_count() > 1 and (isinstance(error, kinds) or bool(said))


def _leave() -> None:
    """Let go of the other processes."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def _say(code: int, sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return code


def _comments() -> dict[str, str]:
    """The comment beside each knob in profiles.py."""
    lines = inspect.getsource(Profile).splitlines()
    found = (re.match(r"    (\w+): [^#]+#\s*(.+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def _kind(hint: Any) -> dict[str, Any]:
    """How argparse reads a knob of that type."""
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if typing.get_origin(hint) is tuple:
        one = typing.get_args(hint)[0]
        return {"type": one, "nargs": "*", "metavar": one.__name__.upper()}
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return {"type": hint, "metavar": hint.__name__.upper()}


if __name__ == "__main__":
    sys.exit(main())
