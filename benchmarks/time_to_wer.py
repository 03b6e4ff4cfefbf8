"""How long until a given WER: the course's training against the classic recipe's?

    python -m benchmarks.time_to_wer [--quick]

One run each on the offline corpus, from the same base model. The clocks (wall and CPU) stop while
validation is scored. The runs: the course (lesson 05, the head's phase included), the classic
recipe as the guide has it, and the classic recipe with the course's learning rate. (The guide's
learning rate is meant for a model twenty times as large and does not fit this one.) A run that is
done is kept in `build/bench/` and not repeated; delete it there to measure again. The course's
model is kept for the parts that transcribe.
"""

import json
import shutil
import time

from benchmarks.common import BUILD, alone, measured, peak_mb, save

RUNS = {"course": {}, "classic": {}, "classic, our learning rate": {"learning_rate": 8e-4}}
MODEL = BUILD / "course-model"
WANTED = (0.9, 0.7, 0.6, 0.5)  # validation WER


def stopwatch(limit, points):
    """A TrainerCallback that notes, at each validation, the seconds of training without validation.

    Args:
        limit: CPU seconds after which to validate and stop, or None.
        points: takes [seconds, step, WER, CPU seconds] of each validation.

    Set its `spent` and `cpu_spent` to the seconds of what went before the trainer.
    """
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        spent = cpu_spent = 0.0

        def on_train_begin(self, args, state, control, **_):
            self.last, self.cpu_last = time.perf_counter(), time.process_time()

        def on_step_end(self, args, state, control, **_):
            if limit and self.cpu_spent + time.process_time() - self.cpu_last > limit:
                control.should_evaluate = control.should_training_stop = True
            if control.should_evaluate:
                self.spent += time.perf_counter() - self.last
                self.cpu_spent += time.process_time() - self.cpu_last

        def on_evaluate(self, args, state, control, metrics, **_):
            now = [self.spent, state.global_step, metrics["eval_wer"], self.cpu_spent]
            points.append(now)
            self.last, self.cpu_last = time.perf_counter(), time.process_time()

        def note(self, step, wer):
            """One more point: what was done since the last validation ended counts as training."""
            self.spent += time.perf_counter() - self.last
            self.cpu_spent += time.process_time() - self.cpu_last
            points.append([self.spent, step, wer, self.cpu_spent])

    return Stopwatch()


def measure(recipe, profile_name, limit=None, learning_rate=None, steps=None):
    """One training in this process; its points, and for the course its model in `MODEL`."""
    from asr_helpers.profiles import load_profile
    from benchmarks import learning

    profile = load_profile(profile_name)
    points = []
    watch = stopwatch(limit, points)
    if recipe == "course":
        processor, splits, _ = learning.loading(profile)
        row = learning.fine_tune(profile, processor, splits, profile.seed, watch=watch, store=MODEL)
        processor.save_pretrained(MODEL)
        scores = {key: row[key] for key in ("wer", "wer_low", "wer_high", "cer")}
        return {"points": points, "memory_mb": peak_mb(), "test": scores}
    _classic(profile, watch, learning_rate, steps)
    return {"points": points, "memory_mb": peak_mb()}


def _classic(profile, watch, learning_rate, steps):
    """The classic recipe on the offline corpus, validated every 20 steps rather than 1000."""
    from asr_helpers.corpus import load_corpus
    from asr_helpers.processor import load_processor
    from benchmarks import classic
    from benchmarks.training import classic_model

    processor = load_processor(profile.base_model)
    corpus = load_corpus(seed=profile.seed)
    train, check = (
        classic.prepare(corpus[s], processor, profile.language) for s in ("train", "validation")
    )
    model = classic_model("tiny", processor, profile)
    folder = BUILD / "classic-training"
    changed = {"eval_steps": 20, "save_strategy": "no", "load_best_model_at_end": False}
    if learning_rate:
        changed["learning_rate"] = learning_rate
    if steps:
        changed |= {"max_steps": steps, "eval_steps": steps}
    args = classic.arguments(folder, **changed)
    classic.trainer(model, processor, train, check, args, callbacks=[watch]).train()
    shutil.rmtree(folder, ignore_errors=True)


def run(quick):
    """Every run, or its kept result; a classic run gets the CPU seconds that the course took."""
    runs, profile = {}, "smoke" if quick else "offline"
    for name, spec in RUNS.items():
        kept = BUILD / f"run-{profile}-{name.replace(', ', '-').replace(' ', '-')}.json"
        if not kept.exists():
            print(f"time to WER, {name} (minutes):", flush=True)
            if name != "course":
                seconds = runs["course"]["points"][-1][3]
                spec = spec | {"limit": seconds, "steps": 2 if quick else None}
            recipe = name.split(",")[0]
            found = measured("time_to_wer", recipe=recipe, profile_name=profile, **spec)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(found, indent=1) + "\n")
        runs[name] = json.loads(kept.read_text())
    reached = {
        name: {
            str(wanted): next(([p[0], p[3]] for p in one["points"] if p[2] <= wanted), None)
            for wanted in WANTED
        }
        for name, one in runs.items()
    }
    return {"runs": runs, "seconds_to_validation_wer": reached}


def table(result):
    """Lines for people."""
    lines = [f"{'s (CPU s) to validation WER':<30}" + "".join(f"{w:>14}" for w in WANTED)]
    for name, row in result["seconds_to_validation_wer"].items():
        cells = ["{:.0f} ({:.0f})".format(*row[str(w)]) if row[str(w)] else "never" for w in WANTED]
        last = result["runs"][name]["points"][-1]
        end = f"   ended at {last[2]:.3f} after {last[0]:.0f} s ({last[3]:.0f} CPU s)"
        lines.append(f"{name:<30}" + "".join(f"{cell:>14}" for cell in cells) + end)
    return lines


def draw(result):
    """Validation WER against training's CPU seconds, which are the same on a busy machine."""
    import matplotlib.pyplot as plt  # not above: `ours` asks this module where the model is

    from asr_helpers import plots

    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for (name, one), colour, mark in zip(
        result["runs"].items(), (plots.BLUE, plots.ORANGE, plots.GREEN), "os^"
    ):
        _, _, rates, seconds = zip(*one["points"])
        axes.plot(seconds, rates, f"{mark}-", color=colour, label=name, markersize=4)
    axes.set(xlabel="CPU seconds of training, of all cores together (without validation)",
             ylabel="validation WER (fraction)", ylim=(0, 1.15), xlim=(0, None))  # fmt: skip
    axes.legend(loc="lower left")
    save(figure, "time_to_wer")


if __name__ == "__main__":
    alone("time_to_wer")
