"""How do time and memory grow with the number and length of clips, and with a recording's length?

    python -m benchmarks.growth [--quick]

Training: an epoch over 100, 400 and 1600 clips (the training split again and again), and over the
same seconds of audio in clips of 2 to 16 s. Preparation: the same clips, nothing else. Transcription:
test clips joined to recordings of 10 s to an hour, in chunks (asr_helpers.long_form).
"""

import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np

from asr_helpers import plots
from benchmarks.common import alone, in_turn, peak_mb, save, summary
from benchmarks.training import clock

CLIPS = (100, 400, 1600)
LENGTHS = (2, 4, 8, 16)  # seconds
AUDIO = 192  # seconds in an epoch, where clips differ in length
RECORDINGS = (10, 60, 600, 3600)  # seconds
ROUNDS = 1  # growth is read off a line through sizes, not off a ratio
RATE = 16_000


def measure(what, size):
    """One process: {"seconds", "cpu_seconds", "memory_mb", "above_start_mb", "audio_seconds"}."""
    return {"clips": train_clips, "length": train_length, "prepare": prepare_clips,
            "recording": transcribe_recording}[what](size)  # fmt: skip


def repeated(clips):
    """The training split's first clips; again from the first where it has not that many."""
    from asr_helpers.corpus import load_corpus

    train = load_corpus()["train"]
    return train.select([row % len(train) for row in range(clips)])


def prepare_clips(clips):
    """`prepare_dataset` over so many clips."""
    from asr_helpers.processor import load_processor, prepare_dataset
    from asr_helpers.profiles import load_profile

    processor, rows = load_processor(load_profile("offline").base_model), repeated(clips)
    held, start, processed = peak_mb(), time.perf_counter(), time.process_time()
    prepared = prepare_dataset(rows, processor, "en-US")
    return {
        "seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - processed,
        "memory_mb": peak_mb(),
        "above_start_mb": peak_mb() - held, "audio_seconds": sum(prepared["input_length"]) / RATE,
    }  # fmt: skip


def train_clips(clips):
    """An epoch of lesson 05's training."""
    from asr_helpers.processor import load_processor, prepare_dataset
    from asr_helpers.profiles import load_profile

    processor = load_processor(load_profile("offline").base_model)
    return _train(processor, prepare_dataset(repeated(clips), processor, "en-US"))


def train_length(seconds):
    """An epoch over `AUDIO` seconds of the training split, cut into clips of `seconds` each."""
    import datasets

    from asr_helpers.processor import load_processor, prepare_dataset
    from asr_helpers.profiles import load_profile

    processor = load_processor(load_profile("offline").base_model)
    rows = prepare_dataset(repeated(200), processor, "en-US").with_format("numpy")
    samples, letters = (np.concatenate(list(rows[name])) for name in ("input_values", "labels"))
    count = AUDIO // seconds
    values = samples[: AUDIO * RATE].reshape(count, seconds * RATE)
    # The letters are not those that are spoken: nothing is learned, and the cost is the same.
    labels = letters[: 10 * AUDIO].reshape(count, 10 * seconds)
    lengths = [seconds * RATE] * count
    data = {"input_values": list(values), "labels": list(labels), "input_length": lengths}
    return _train(processor, datasets.Dataset.from_dict(data))


def _train(processor, rows):
    from asr_helpers.profiles import load_profile
    from asr_helpers.recipe import course_trainer
    from benchmarks.training import load_model

    held, profile, timer = peak_mb(), load_profile("offline"), clock()
    with tempfile.TemporaryDirectory() as folder:
        once = {"num_train_epochs": 1, "max_steps": -1, "eval_strategy": "no",
                "save_strategy": "no", "load_best_model_at_end": False}  # fmt: skip
        trainer = course_trainer(
            profile, model=load_model("tiny", processor, profile), processor=processor, train=rows,
            validation=None, folder=folder, callbacks=[timer],
        )  # fmt: skip
        for name, value in once.items():
            setattr(trainer.args, name, value)
        trainer.train()
    return {
        "seconds": timer.seconds, "cpu_seconds": timer.cpu_seconds, "memory_mb": peak_mb(), "above_start_mb": peak_mb() - held,
        "audio_seconds": sum(rows["input_length"]) / RATE,
    }  # fmt: skip


def transcribe_recording(seconds):
    """Test clips joined to a recording of `seconds`, transcribed in chunks."""
    from asr_helpers.audio import Audio
    from asr_helpers.corpus import load_corpus
    from asr_helpers.long_form import transcribe_long
    from benchmarks import ours

    model, processor = ours.load()
    test = load_corpus()["test"].cast_column("audio", Audio(sampling_rate=RATE))
    joined = np.concatenate([row["audio"]["array"] for row in test]).astype(np.float32)
    recording = np.resize(joined, seconds * RATE)  # from the first again
    transcribe_long(model, processor, recording[: 10 * RATE])  # kernels prepared
    held, start, processed = peak_mb(), time.perf_counter(), time.process_time()
    text = transcribe_long(model, processor, recording)
    return {
        "seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - processed,
        "memory_mb": peak_mb(),
        "above_start_mb": peak_mb() - held, "audio_seconds": float(seconds),
        "recording_mb": recording.nbytes / 1e6, "words": len(text.split()),
    }  # fmt: skip


def run(quick):
    """Each size of each kind, in turn: {kind: [{"size", "seconds", ...}]}."""
    kinds = {"clips": CLIPS, "length": LENGTHS, "prepare": CLIPS, "recording": RECORDINGS}
    result = {}
    for kind, sizes in kinds.items():
        sizes = sizes[:2] if quick else sizes
        sizes = [size // 10 for size in sizes] if quick and kind in ("clips", "prepare") else sizes
        print(f"growth, {kind}:", flush=True)
        specs = {size: {"what": kind, "size": size} for size in sizes}
        found = in_turn("growth", specs, 1 if quick else ROUNDS)
        result[kind] = [
            {"size": size} | {key: summary([one[key] for one in found[size]]) for key in
                              found[size][0]} for size in sizes
        ]  # fmt: skip
    return result


def table(result):
    """Lines for people."""
    lines = [
        f"{'growth':<24}{'CPU s':>10}{'audio s / CPU s':>17}{'peak MB':>10}{'grown by MB':>13}"
    ]
    for kind, unit in (("clips", "clips trained"), ("length", "s a clip, trained"),
                       ("prepare", "clips prepared"), ("recording", "s transcribed")):  # fmt: skip
        for row in result[kind]:
            took, audio = row["cpu_seconds"]["median"], row["audio_seconds"]["median"]
            lines.append(
                f"{row['size']:>5} {unit:<18}{took:>10.2f}{audio / took:>17.1f}"
                f"{row['memory_mb']['median']:>10.0f}{row['above_start_mb']['median']:>13.0f}"
            )
    return lines


def draw(result):
    """CPU seconds and megabytes against size, a column each kind."""
    names = {"clips": "clips, an epoch", "length": "seconds a clip, an epoch",
             "prepare": "clips prepared", "recording": "seconds of recording"}  # fmt: skip
    figure, axes = plt.subplots(2, 4, figsize=(12, 5), layout="constrained")
    for column, (kind, label) in zip(axes.T, names.items()):
        sizes = [row["size"] for row in result[kind]]
        for panel, key, colour in zip(
            column, ("cpu_seconds", "memory_mb"), (plots.BLUE, plots.ORANGE)
        ):
            low, middle, high = ([row[key][k] for row in result[kind]]
                                 for k in ("low", "median", "high"))  # fmt: skip
            panel.plot(sizes, middle, "o-", color=colour)
            panel.fill_between(sizes, low, high, color=colour, alpha=0.25)
            panel.set(ylim=(0, 1.1 * max(high)), xlim=(0, 1.05 * sizes[-1]))
        column[1].set(xlabel=label)
    axes[0, 0].set(ylabel="CPU seconds")
    axes[1, 0].set(ylabel="peak memory (MB)")
    save(figure, "growth")


if __name__ == "__main__":
    alone("growth")
