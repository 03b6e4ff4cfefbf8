"""The record of a training run: measurements, machine and versions."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from asr_helpers.devices import cores, device
from asr_helpers.profiles import Profile

PACKAGES = ("torch", "transformers", "datasets", "accelerate", "numpy", "asr-course")


def machine() -> dict[str, Any]:
    """The hardware that times depend on: processor, cores, memory, and the GPU if there is one."""
    info = Path("/proc/cpuinfo")
    names = [
        line.split(":")[1].strip()
        for line in (info.read_text().splitlines() if info.exists() else ())
        if line.startswith("model name")
    ]
    found = {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "GPU": None,
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory in GB"] = round(
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
        )
    if device().type == "cuda" and torch.cuda.is_available():
        found["GPU"] = torch.cuda.get_device_name()
        found["GPU memory in GB"] = round(torch.cuda.get_device_properties(0).total_memory / 1e9, 1)
        found["GPU peak in GB"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return found


def versions() -> dict[str, str]:
    """Python's version, and those of the packages that results depend on."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def recorded_knobs(profile: Profile) -> dict[str, Any]:
    """Every knob of a profile, except where files go. Of a folder, only the name is kept."""
    folders = ("artifacts", "recordings")
    knobs = {name: value for name, value in vars(profile).items() if name not in folders}
    for group in ("decoding", "adaptation"):
        inner = asdict(knobs.pop(group))
        knobs |= {f"{group} {name}": value for name, value in inner.items()}
    for name in ("base_model", "ready_model", "corpus"):
        knobs[name] = without_place(knobs[name])
    return knobs


def without_place(name: str) -> str:
    """A name on the Hub stays as it is; a folder of this machine is named without its path."""
    return Path(name).name if Path(name).is_absolute() else name


def in_text(value: Any) -> str:
    """A value as one line of Markdown; signs that could begin HTML are escaped."""
    return escape(" ".join(str(value).split()), quote=False)


def in_code(text: str) -> str:
    """A text as code in Markdown, whatever it holds; nothing in it begins markup."""
    text = " ".join(text.split())
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (1 + max(map(len, re.findall("`+", text))))
    return f"{fence} {text} {fence}"


def run_record(
    profile: Profile,
    history: Sequence[Mapping[str, Any]],
    by_share: Mapping[float, float],
    metrics: Mapping[str, float],
) -> dict[str, Any]:
    """One fine-tuning as plain values, to be kept as JSON.

    Args:
        profile: every knob is kept, except where files go.
        history: the trainer's `state.log_history`.
        by_share: validation WER of each mixture.
        metrics: scores on the test split, seconds and memory.
    """
    knobs = recorded_knobs(profile)
    curve = [
        {k: entry[k] for k in ("step", "eval_loss", "eval_wer", "eval_cer") if k in entry}
        for entry in history
        if "eval_wer" in entry
    ]
    losses = [[entry["step"], entry["loss"]] for entry in history if "loss" in entry]
    return {
        "machine": machine(), "versions": versions(), "knobs": knobs, "curve": curve,
        "training_loss": losses, "validation_wer_by_share": [[s, w] for s, w in by_share.items()],
        "metrics": dict(metrics),
    }  # fmt: skip


def report_page(run: Mapping[str, Any]) -> str:
    """A `run_record` as a page in Markdown, ready to be shared: it names no path and no person."""
    knobs, metrics = run["knobs"], run["metrics"]
    test = "not scored"
    if "wer" in metrics:
        test = (
            f"{metrics['wer']:.3f} (95 % interval {metrics['wer_low']:.3f} to "
            f"{metrics['wer_high']:.3f}), CER {metrics['cer']:.3f}"
        )
    lines = [
        f"# {in_text(knobs['base_model'])} on {in_text(knobs['corpus'])} "
        f"({in_text(knobs['language'])}), profile {in_text(knobs['name'])}",
        "",
        f"- Test WER, as a fraction: {test}",
        f"- Training: {metrics.get('train_seconds', 0) / 60:.1f} minutes; peak memory of the process "
        f"{metrics.get('peak_memory_mb', 0):.0f} MB",
        f"- Seed {knobs['seed']}; one run",
        "",
        *_table(("machine", ""), [(k, v) for k, v in run["machine"].items() if v is not None]),
        *_table(("package", "version"), run["versions"].items()),
        "## Validation while it trained",
        "",
        *_table(
            ("step", "loss", "WER", "CER"),
            [
                (e["step"], f"{e['eval_loss']:.3f}", f"{e['eval_wer']:.3f}", f"{e['eval_cer']:.3f}")
                for e in run["curve"]
            ],
        ),
        "## Validation by the share of the change that is kept",
        "",
        *_table(("share", "WER"), [(s, f"{w:.3f}") for s, w in run["validation_wer_by_share"]]),
        "## Every knob",
        "",
        *_table(("knob", "value"), knobs.items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: Sequence[str], rows: Any) -> list[str]:
    def line(cells: Any) -> str:
        return "| " + " | ".join(in_text(cell).replace("|", "\\|") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, rows), ""]
