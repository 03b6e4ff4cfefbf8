"""What does training cost at the published size, and what would a 16 GB GPU hold?

    python -m benchmarks.real_size [--quick]

Three optimiser steps and one evaluation with the profile `hub`, through the course's own training,
on the CPU: `Wav2Vec2Config()` as published, random weights, clips of the embedded corpus. With and
without frozen convolutions and gradient checkpointing, each in a process of its own.

What a GPU holds is arithmetic, not a measurement. The memory for a second of audio is the growth of
this process's peak memory from the smaller batch to the larger, divided by the seconds added. Each
weight needs 4 bytes, and a weight that trains 12 more (gradient, AdamW's two averages). A tenth
of the GPU's memory is left for what this leaves out.
"""

import tempfile
import time
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers import plots
from benchmarks.common import alone, measured, peak_mb, save

GPU_GB, KEPT_FREE = 16, 0.1
BATCHES = (12.0, 24.0)  # seconds of audio
CLIP = 3.0  # seconds, about: batches of four and of eight clips
STEPS = 3
WAYS = {
    "frozen convolutions (hub)": {"frozen": True, "checkpointing": False},
    "frozen, checkpointing": {"frozen": True, "checkpointing": True},
    "all trained": {"frozen": False, "checkpointing": False},
    "all trained, checkpointing": {"frozen": False, "checkpointing": True},
}


def measure(seconds, frozen, checkpointing):
    """One training in this process: its seconds a step, its peak memory, its parameters."""
    from transformers import TrainerCallback, Wav2Vec2Config, Wav2Vec2ForCTC

    from asr_helpers.corpus import load_corpus
    from asr_helpers.model import count_parameters, freeze
    from asr_helpers.processor import load_processor, prepare_dataset
    from asr_helpers.profiles import load_profile
    from asr_helpers.recipe import course_trainer

    class Clock(TrainerCallback):
        ends = []

        def on_step_end(self, *_, **__):
            self.ends.append(time.perf_counter())

    profile = replace(
        load_profile("hub"), batch_seconds=seconds, accumulation=1, max_steps=STEPS,
        eval_steps=STEPS, warmup_steps=1, decay_steps=1, gradient_checkpointing=checkpointing,
    )  # fmt: skip
    processor = load_processor(load_profile("offline").base_model)
    processor.feature_extractor.return_attention_mask = False  # as wav2vec2-base's: a group norm
    rows = prepare_dataset(load_corpus()["train"], processor, "en-US")
    away = np.abs(np.array(rows["input_length"]) / profile.sampling_rate - CLIP)
    rows = rows.select(np.argsort(away)[: STEPS * int(seconds / CLIP) + 4])
    model = Wav2Vec2ForCTC(Wav2Vec2Config(ctc_loss_reduction="mean", **profile.masks))
    if frozen:
        freeze(model, profile.frozen, profile.frozen_layers)
    with tempfile.TemporaryDirectory() as folder:
        trainer = course_trainer(
            profile, model=model, processor=processor, train=rows.select(range(4, len(rows))),
            validation=rows.select(range(4)), folder=folder, callbacks=[Clock()],
        )  # fmt: skip
        trainer.args.save_strategy, trainer.args.load_best_model_at_end = "no", False
        trainer.train()
    trained, everything = count_parameters(model)
    return {
        "seconds_a_step": float(np.median(np.diff(Clock.ends))), "peak_mb": peak_mb(),
        "trained": trained, "parameters": everything,
    }  # fmt: skip


def held(small, large):
    """(MB for a second of audio, MB for the weights, seconds that fit into `GPU_GB`)."""
    slope = (large["peak_mb"] - small["peak_mb"]) / (BATCHES[1] - BATCHES[0])
    weights = (4 * small["parameters"] + 12 * small["trained"]) / 1e6
    return slope, weights, (GPU_GB * 1000 * (1 - KEPT_FREE) - weights) / slope


def run(quick):
    """Each way at both batches: time, memory, and the arithmetic of a GPU."""
    result = {"gpu_gb": GPU_GB, "kept_free": KEPT_FREE, "batch_seconds": BATCHES, "ways": {}}
    for name, way in list(WAYS.items())[: 1 if quick else None]:
        small, large = (measured("real_size", seconds=seconds, **way) for seconds in BATCHES)
        slope, weights, fits = held(small, large)
        result["ways"][name] = {
            "seconds_a_step": large["seconds_a_step"], "peak_mb": large["peak_mb"],
            "small_peak_mb": small["peak_mb"], "mb_a_second": slope, "weights_mb": weights,
            "gpu_seconds": fits,
        }  # fmt: skip
        print(f"  {name}: {result['ways'][name]}", flush=True)
    return result


def table(result):
    """Lines for people."""
    small, large = result["batch_seconds"]
    heads = (f"s a step of {large:g} s", "peak MB", "MB a second", "weights MB", "GPU: s a batch")
    lines = [f"{'published size':<28}" + "".join(f"{head:>19}" for head in heads)]
    for name, row in result["ways"].items():
        keys = ("seconds_a_step", "peak_mb", "mb_a_second", "weights_mb", "gpu_seconds")
        lines.append(f"{name:<28}" + "".join(f"{row[key]:>19.1f}" for key in keys))
    lines.append(
        f"The last column is arithmetic for {result['gpu_gb']} GB, of which "
        f"{result['kept_free']:.0%} stay free: (memory - weights) / MB a second. No GPU was used."
    )
    return lines


def draw(result):
    """A bar for each of WAYS: the memory that a second of audio takes."""
    figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
    names = list(result["ways"])
    axes.barh(names, [row["mb_a_second"] for row in result["ways"].values()], color=plots.BLUE)
    axes.invert_yaxis()
    axes.set(xlabel="memory a second of audio in the batch (MB)", title="Wav2Vec2 as published")
    save(figure, "real_size")


if __name__ == "__main__":
    alone("real_size")
