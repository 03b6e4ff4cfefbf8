"""The fine-tuned model of lessons 06 and later: the learner's own, or a ready-made one."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, get_token
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCTC, AutoProcessor, PreTrainedModel

from asr_helpers.artifacts import MODEL_FILES, damage, require, saving
from asr_helpers.profiles import Profile
from asr_helpers.reach import hub_answers, patience

LESSON = "05"
OWN = "05_finetuned"  # in profile.artifacts
METRICS = "metrics.json"
DIFFERENCE = "difference.safetensors"  # what fine-tuning changed of the base model
WAIT = 10.0  # seconds, for the Hub to say who is logged in


@dataclass(frozen=True)
class Finished:
    """A fine-tuned model. `place` is a folder or a Hub id, which `from_pretrained` takes.

    `whose` is "own", "pushed", "shipped" or "public"; `says` is a sentence about it.
    """

    place: str
    whose: str
    says: str

    def __str__(self) -> str:
        return self.says


def finished_model(profile: Profile) -> Finished:
    """The fine-tuned model to use: the learner's own if there is one.

    The order is: the model of lesson 05 in `profile.artifacts`; with a Hub profile, the model that
    the learner has pushed as `profile.share_as`; the profile's `ready_model`, which is a public
    model on the Hub or the model that comes with the course. The course's model is put together
    once, in `profile.artifacts`.

    Raises:
        ValueError: the learner's own, or the course's, is damaged; the message names the file and
            the remedy.
        FileNotFoundError: there is none at all.
    """
    own = profile.artifacts / OWN
    if own.is_dir() and any(own.iterdir()):
        return Finished(str(require(own, LESSON)), "own", f"Using your own model, {OWN}.")
    none = f"Lesson {LESSON} has not been run with PROFILE {profile.name!r} here. "
    if pushed := _pushed(profile):
        return Finished(pushed, "pushed", f"{none}Using the model you pushed, {pushed}.")
    ready = Path(profile.ready_model)
    if not ready.is_absolute():  # a Hub id
        says = f"{none}Using a public model in its place: {profile.ready_model}."
        return Finished(profile.ready_model, "public", says)
    if not ready.is_dir():
        require(own, LESSON)  # raises: it is missing
    says = f"{none}Using the fine-tuned model that comes with the course."
    return Finished(str(_put_together(profile, ready)), "shipped", says)


def finished_metrics(profile: Profile) -> dict[str, Any]:
    """The scores of the model of `finished_model`; `model` says whose model it is.

    For a model from the Hub no scores are known here, so the result holds only `model`.

    Raises:
        ValueError: the file is damaged; the message names it and the lesson.
    """
    finished = finished_model(profile)
    file = {"own": profile.artifacts, "shipped": Path(profile.ready_model)}.get(finished.whose)
    if file is None or (finished.whose == "shipped" and not (file / METRICS).is_file()):
        return {"model": finished.whose}
    stored = require(file / METRICS, LESSON)
    return json.loads(stored.read_text(encoding="utf-8")) | {"model": finished.whose}


def ship(finetuned: Path, base: Path, target: Path, metrics: dict[str, Any]) -> list[str]:
    """Write only the weights that differ from the base model to `target`, in half precision.

    Args:
        finetuned: a saved model, as lesson 05 saves it.
        base: the folder of the base model it was made from.
        target: the folder to write.
        metrics: its scores, kept as `metrics.json`.

    Returns:
        The names of the tensors that differ from the base model, and were written.
    """
    model = AutoModelForCTC.from_pretrained(finetuned, dtype=torch.float32).state_dict()
    before = _base_state(finetuned, base)
    changed = {
        name: weight.half().contiguous()
        for name, weight in model.items()
        if name not in before or not torch.equal(weight, before[name])
    }
    with saving(target) as half:
        half.mkdir()
        for file in sorted(finetuned.iterdir()):
            if file.suffix in (".json", ".md") and file.name != "generation_config.json":
                shutil.copy(file, half)
        save_file(changed, half / DIFFERENCE, {"format": "pt", "base": _checksum(base)})
        (half / METRICS).write_text(json.dumps(metrics, indent=2), encoding="utf-8")
    return sorted(changed)


def _base_state(config: Path, base: Path) -> dict[str, torch.Tensor]:
    """The base model's weights by the names of a CTC model, without the head it has not learned."""
    settings = AutoConfig.from_pretrained(config)
    model = AutoModelForCTC.from_pretrained(
        base, config=settings, dtype=torch.float32, ignore_mismatched_sizes=True
    )
    return {n: w for n, w in model.state_dict().items() if not n.startswith("lm_head.")}


def _put_together(profile: Profile, ready: Path) -> Path:
    """Build the course's model from the base model and the stored difference; return its folder."""
    base, target = Path(profile.base_model), profile.artifacts / "ready_model"
    try:
        with safe_open(ready / DIFFERENCE, "pt") as stored:
            made_from = (stored.metadata() or {}).get("base")
    except Exception as error:
        raise ValueError(
            f"{ready / DIFFERENCE} is missing or damaged: fetch the course again, or run lesson "
            f"{LESSON}, whose model is then used."
        ) from error
    if made_from != _checksum(base):
        raise ValueError(
            f"{ready} was made from another base model than {base}: run lesson {LESSON}, whose model "
            "is then used, or make it again with `python -m tools.ship`."
        )
    card = ready / "README.md"
    stamp = f"{made_from} {_checksum(ready, DIFFERENCE)}"
    if card.is_file():
        stamp += f" {_checksum(ready, card.name)}"
    kept = target / "made_from.txt"
    if kept.is_file() and kept.read_bytes() == stamp.encode() and damage(target) is None:
        return target
    model: PreTrainedModel = AutoModelForCTC.from_config(AutoConfig.from_pretrained(ready))
    state = _base_state(ready, base)
    state |= {name: weight.float() for name, weight in load_file(ready / DIFFERENCE).items()}
    model.load_state_dict(state)
    with saving(target) as half:
        model.save_pretrained(half)
        AutoProcessor.from_pretrained(ready).save_pretrained(half)
        if card.is_file():  # the model's name, its WER and its licence
            shutil.copy(card, half)
        (half / "made_from.txt").write_text(stamp)
    return target


def _checksum(folder: Path, name: str = MODEL_FILES[1]) -> str:
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def _pushed(profile: Profile) -> str | None:
    """The Hub id of the learner's own model, if the learner is logged in and has pushed one."""
    if not profile.share_as or not get_token() or not hub_answers():
        return None
    try:
        with patience(WAIT):
            api = HfApi()
            name = f"{api.whoami()['name']}/{profile.share_as}"
            return name if api.file_exists(name, MODEL_FILES[1]) else None
    except Exception:  # offline, an unknown token, or a failing Hub: a public model is used
        return None
