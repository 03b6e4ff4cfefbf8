"""Does the recipe learn, what is pretraining worth, does it repeat, how fast does the corpus load?

    python -m benchmarks.learning [--quick] [--profile offline] [--seeds 42 42 43]

Prints a table and writes `build/bench/learning.json` and `.png`; `benchmarks/results/` keeps such
files, and lesson 05 draws the control from there. Each seed is one whole fine-tuning. A seed given
twice shows whether a run repeats. Without any seed only the control is run.
"""

import argparse
import platform
import time
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from asr_helpers import plots
from asr_helpers.averaging import best_mixture
from asr_helpers.corpus import load_corpus
from asr_helpers.inference import transcribe
from asr_helpers.metrics import cer, wer, wer_interval
from asr_helpers.processor import keep_fitting, load_processor, prepare_dataset
from asr_helpers.profiles import ROOT, load_profile
from asr_helpers.recipe import (
    course_head,
    course_model,
    course_trainer,
    trained_model,
    weights_to_mix,
)
from asr_helpers.training import peak_memory_mb
from benchmarks.common import keep, save


def loading(profile):
    """(processor, prepared splits, seconds to load and prepare, and to decode train at 8 kHz)."""
    start = time.perf_counter()
    corpus = load_corpus(profile.corpus, profile.language, profile.revision, profile.seed)
    processor = load_processor(profile.base_model)
    splits = {s: prepare_dataset(rows, processor, profile.language) for s, rows in corpus.items()}
    start_train = time.perf_counter()
    decoded = sum(len(row["audio"]["array"]) for row in corpus["train"]) / 8000
    seconds = time.perf_counter() - start_train
    return (
        processor,
        splits,
        {
            "prepare_all_seconds": start_train - start,
            "decode_train_seconds": seconds,
            "train_minutes": decoded / 60,
        },
    )


def score(model, processor, split, seed):
    """WER, its interval and CER of one split, a clip at a time."""
    waveforms = [row["input_values"] for row in split.with_format("numpy")]
    said = transcribe(model, processor, waveforms)
    low, high = wer_interval(split["text"], said, seed)
    truth = split["text"]
    return {"wer": wer(truth, said), "wer_low": low, "wer_high": high, "cer": cer(truth, said)}


def fine_tune(profile, processor, splits, seed, pretrained=True, watch=None, store=None):
    """Lesson 05 from end to end; its scores, seconds and validation curve.

    Args:
        watch: a callback of benchmarks.time_to_wer, or None.
        store: a folder for the fine-tuned model, or None.
    """
    profile = replace(profile, seed=seed)
    model = course_model(profile, processor, pretrained)
    train = keep_fitting(splits["train"], model)
    untrained = score(model, processor, splits["test"], seed)
    start, processed = time.perf_counter(), time.process_time()
    course_head(profile, model, train)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    if pretrained:
        before = weights_to_mix(profile, processor, before)
    if watch:
        watch.spent, watch.cpu_spent = time.perf_counter() - start, time.process_time() - processed
    folder = ROOT / "build" / "learning" / f"{'base' if pretrained else 'random'}-{seed}"
    trainer = course_trainer(
        profile, model=model, processor=processor, train=train, validation=splits["validation"],
        folder=folder, callbacks=[watch] if watch else (),
    )  # fmt: skip
    trainer.train()
    # The trainer wraps the model in bfloat16. Scoring uses full precision, as after loading.
    model = trained_model(trainer)
    after = {name: weight.clone() for name, weight in model.state_dict().items()}
    validation = splits["validation"].with_format("numpy")
    waveforms, truth = list(validation["input_values"]), list(validation["text"])
    share, written = best_mixture(
        model, before, after, profile.shares, truth=truth,
        write=lambda: transcribe(model, processor, waveforms), seed=profile.seed,
    )  # fmt: skip
    shares = {tried: wer(truth, texts) for tried, texts in written.items()}
    if watch:
        watch.note(trainer.state.global_step, shares[share])
    seconds = time.perf_counter() - start
    if store:
        model.save_pretrained(store)
    curve = [[e["step"], e["eval_wer"]] for e in trainer.state.log_history if "eval_wer" in e]
    return {
        "seed": seed, "pretrained": pretrained, "train_seconds": seconds,
        "peak_memory_mb": peak_memory_mb(), "validation_curve": curve, "untrained": untrained,
        "share": share, "validation_by_share": list(shares.items()),
        **score(model, processor, splits["test"], seed),
    }  # fmt: skip


def machine():
    """What the figures were taken on."""
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    cpu = names[0].split(":")[1].strip() if names else platform.processor()
    return f"{torch.get_num_threads()} threads of {cpu}, torch {torch.__version__}"


def draw(result):
    """Validation WER by step, pretrained and from random weights."""
    rows = result["runs"]
    figure, axes = plt.subplots(figsize=(8, 3.2))
    for row, colour in zip([rows[0], rows[-1]], (plots.BLUE, plots.ORANGE)):
        name = "pretrained encoder" if row["pretrained"] else "random weights"
        steps, rates = zip(*row["validation_curve"])
        axes.plot(steps, rates, "o-", color=colour, label=f"{name}: test WER {row['wer']:.2f}")
    axes.set(xlabel="training step", ylabel="validation WER (fraction)", ylim=(0, 1.1))
    axes.legend()
    save(figure, "learning")


def run(quick, profile_name=None, seeds=(42, 42, 43)):
    """A fine-tuning for each seed, and the control; quick: one, of few steps."""
    profile = load_profile(profile_name or ("smoke" if quick else "offline"))
    seeds = seeds[:1] if quick else seeds
    processor, splits, loaded = loading(profile)
    print("loading:", {name: round(value, 2) for name, value in loaded.items()}, flush=True)
    runs = [("base", seed, True) for seed in seeds] + [("random", profile.seed, False)]
    rows = []
    for name, seed, pretrained in runs:
        rows.append(fine_tune(profile, processor, splits, seed, pretrained))
        print(line(name, rows[-1]), flush=True)
    return {"machine": machine(), "profile": profile.name, "loading": loaded, "runs": rows}


def line(name, row):
    """One run, for people."""
    return (
        f"{name:<8} seed {row['seed']}: untrained WER {row['untrained']['wer']:.3f}, test WER "
        f"{row['wer']:.3f} ({row['wer_low']:.3f} to {row['wer_high']:.3f}), CER "
        f"{row['cer']:.3f}, {row['train_seconds']:.0f} s, {row['peak_memory_mb']:.0f} MB"
    )


def table(result):
    """Lines for people."""
    return [line("base" if row["pretrained"] else "random", row) for row in result["runs"]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one seed, few steps, to try it out")
    parser.add_argument("--profile")
    parser.add_argument("--seeds", type=int, nargs="*", default=[42, 42, 43])
    options = parser.parse_args()
    result = run(options.quick, options.profile, options.seeds)
    keep("learning", result)
    draw(result)


if __name__ == "__main__":
    main()
