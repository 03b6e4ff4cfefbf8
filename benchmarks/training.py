"""How fast and how heavy is a training step: the classic recipe against the course's?

    python -m benchmarks.training [--quick]

Same model, same clips, 16 utterances a step in the mean. Each measurement is a process of its own:
it trains over the clips, then evaluates on a few, and tells the seconds of (unpadded) audio that a
second of its last epoch took in, and the most memory it held.
"""

import tempfile
import time
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers import plots
from benchmarks.common import alone, in_turn, peak_mb, ratios, save, spread, summary

UTTERANCES = 16  # a step, as the guide has it: 8, twice accumulated
# The tiny model is timed over a second epoch, after the first has met the kernels' preparation and
# the memory's growth. The published size has long steps and is timed over its
# only epoch, one step of 16 utterances. There the course, too, splits a step into smaller batches.
SIZES = {
    "tiny": {"clips": 64, "epochs": 2, "accumulate": 1},
    "base": {"clips": 16, "epochs": 1, "accumulate": 4},
}
CHECK = {"tiny": 55, "base": 8}  # utterances evaluated at the end


def load_model(size, processor, profile):
    """The base model as the course has it, its convolutions frozen, or one of the published size.

    The latter is `Wav2Vec2Config()` with random weights, treated likewise.
    """
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    from asr_helpers.recipe import course_model

    if size == "tiny":
        return course_model(profile, processor)
    torch.manual_seed(profile.seed)
    processor.feature_extractor.return_attention_mask = False  # wav2vec2-base has a group norm
    model = Wav2Vec2ForCTC(Wav2Vec2Config(ctc_loss_reduction="mean"))
    model.set_attn_implementation("eager")
    model.freeze_feature_encoder()
    return model.eval()


def classic_model(size, processor, profile):
    """The same weights for the classic recipe: as `from_pretrained` gives them, all trainable."""
    import torch
    from transformers import AutoModelForCTC, Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(profile.seed)
    if size == "tiny":
        return AutoModelForCTC.from_pretrained(
            profile.base_model, dtype=torch.float32, ctc_loss_reduction="mean",
            pad_token_id=processor.tokenizer.pad_token_id,
        )  # fmt: skip
    processor.feature_extractor.return_attention_mask = False
    return Wav2Vec2ForCTC(Wav2Vec2Config(ctc_loss_reduction="mean"))


def batch_seconds(lengths, rate, utterances, seed):
    """The seconds of audio that give `utterances` a batch in the mean, or just below."""
    from asr_helpers.batches import SecondsBatchSampler

    budgets = np.linspace(2, 400, 800)
    least = -(-len(lengths) // utterances)
    return next(
        budget
        for budget in budgets
        if len(SecondsBatchSampler(lengths, rate, budget, seed)) <= least
    )


def clock():
    """A TrainerCallback that keeps the seconds of the last epoch, and its CPU seconds."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def on_epoch_begin(self, args, state, control, **_):
            self.start, self.step = time.perf_counter(), state.global_step
            self.processed = time.process_time()

        def on_epoch_end(self, args, state, control, **_):
            self.seconds = time.perf_counter() - self.start
            self.cpu_seconds = time.process_time() - self.processed
            self.steps = state.global_step - self.step

    return Clock()


def measure(recipe, size, clips, epochs, accumulate):
    """One training in this process: {"throughput", "memory_mb", "above_import_mb", ...}."""
    import torch

    from asr_helpers.corpus import load_corpus
    from asr_helpers.processor import load_processor, prepare_dataset
    from asr_helpers.profiles import load_profile
    from asr_helpers.recipe import course_trainer
    from benchmarks import classic

    imported = peak_mb()
    profile = load_profile("offline")
    processor = load_processor(profile.base_model)
    corpus = load_corpus(seed=profile.seed)
    chosen = np.random.default_rng(profile.seed).permutation(len(corpus["train"]))[:clips]
    splits = corpus["train"].select(chosen), corpus["validation"].select(range(CHECK[size]))
    once = {"num_train_epochs": epochs, "max_steps": -1, "eval_strategy": "no",
            "save_strategy": "no", "load_best_model_at_end": False}  # fmt: skip
    timer = clock()
    with tempfile.TemporaryDirectory() as folder:
        if recipe == "classic":
            model = classic_model(size, processor, profile)
            train, check = (classic.prepare(s, processor, "en-US") for s in splits)
            trainer = classic.trainer(
                model, processor, train, check, classic.arguments(folder, **once),
                callbacks=[timer],
            )  # fmt: skip
        else:
            train, check = (prepare_dataset(s, processor, "en-US") for s in splits)
            seconds = batch_seconds(
                train["input_length"], 16_000, UTTERANCES // accumulate, profile.seed
            )
            trainer = course_trainer(
                replace(profile, batch_seconds=seconds, accumulation=accumulate),
                model=load_model(size, processor, profile), processor=processor, train=train,
                validation=check, folder=folder, callbacks=[timer],
            )  # fmt: skip
            for name, value in once.items():
                setattr(trainer.args, name, value)
        trainer.train()
        trained = peak_mb()
        trainer.evaluate()
    audio = sum(train["input_length"]) / 16_000
    return {
        "throughput": audio / timer.seconds, "per_cpu_second": audio / timer.cpu_seconds,
        "epoch_seconds": timer.seconds, "steps": timer.steps,
        "memory_mb": peak_mb(), "above_import_mb": peak_mb() - imported,
        "training_memory_mb": trained, "import_mb": imported, "audio_seconds": audio,
        "threads": torch.get_num_threads(),
    }  # fmt: skip


def run(quick):
    """Both sizes, both recipes, in turn; throughput and memory, and their ratios by round."""
    result = {}
    for size, spec in SIZES.items():
        if quick:
            spec = spec | {"clips": 16, "epochs": 1}
        print(f"training, {size}:", flush=True)
        recipes = {name: {"recipe": name, "size": size, **spec} for name in ("classic", "course")}
        found = in_turn("training", recipes, 1 if quick else 5)
        course, classic = found["course"], found["classic"]
        result[size] = {
            "throughput_ratio": ratios(course, classic, "throughput")["median"],
            "memory_ratio": ratios(course, classic, "memory_mb")["median"],
            "throughput_ratio_spread": ratios(course, classic, "throughput"),
            "per_cpu_second_ratio_spread": ratios(course, classic, "per_cpu_second"),
            "memory_ratio_spread": ratios(course, classic, "memory_mb"),
            "above_import_ratio_spread": ratios(course, classic, "above_import_mb"),
            "spec": spec,
        } | {
            name: {
                key: summary([one[key] for one in rounds])
                for key in ("throughput", "per_cpu_second", "memory_mb", "above_import_mb", "steps")
            }
            for name, rounds in found.items()
        }  # fmt: skip
    return result


COLUMNS = {
    "throughput": ("audio s / s", 1), "per_cpu_second": ("audio s / CPU s", 1),
    "memory_mb": ("peak MB", 0), "above_import_mb": ("above import MB", 0),
}  # fmt: skip


def table(result):
    """Lines for people."""
    lines = [f"{'training':<14}" + "".join(f"{head:>24}" for head, _ in COLUMNS.values())]
    for size in SIZES:
        row = result[size]
        for name in ("classic", "course"):
            cells = [spread(row[name][key], digits) for key, (_, digits) in COLUMNS.items()]
            lines.append(f"{size + ' ' + name:<14}" + "".join(f"{cell:>24}" for cell in cells))
        cells = [spread(row[f"{key.removesuffix('_mb')}_ratio_spread"]) for key in COLUMNS]
        lines.append(f"{size + ' ratio':<14}" + "".join(f"{cell:>24}" for cell in cells))
    return lines


def draw(result):
    """Bars of both recipes at both sizes, whiskers over the range."""
    figure, axes = plt.subplots(2, 2, figsize=(9, 4.2), layout="constrained")
    for row, size in zip(axes, SIZES):
        wanted = (("throughput", "seconds of audio a second"), ("memory_mb", "peak memory (MB)"))
        for panel, (key, label) in zip(row, wanted):
            for place, (name, colour) in enumerate(
                [("classic", plots.ORANGE), ("course", plots.BLUE)]
            ):
                one = result[size][name][key]
                whisker = [[one["median"] - one["low"]], [one["high"] - one["median"]]]
                panel.barh(place, one["median"], color=colour, xerr=whisker, capsize=3)
                digits = 0 if one["median"] >= 100 else 1
                panel.annotate(f"  {one['median']:.{digits}f}", (one["high"], place), va="center")
            panel.margins(x=0.18)
            panel.set_yticks([0, 1], ["classic", "course"])
            kind = "throughput" if key == "throughput" else "memory"
            ratio = result[size][f"{kind}_ratio"]
            panel.set(xlabel=label, title=f"{size}: course / classic = {ratio:.2f}")
    save(figure, "training")


if __name__ == "__main__":
    alone("training")
