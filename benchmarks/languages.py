"""WER and CER in other languages, after few minutes of training from the English base model.

    python -m benchmarks.languages [--quick]

For each other language of the package: a new head and a new top (asr_helpers.new_language, as in
lesson 10) learn from five minutes of its training split, drawn with the profile's seed. Scored is
its test split, a clip at a time, once. Nothing is chosen by a score. One run each.
"""

import time

import matplotlib.pyplot as plt

from asr_helpers import plots
from asr_helpers.adaptation import lower_outputs, transcribe_kept
from asr_helpers.corpus import languages, load_corpus
from asr_helpers.metrics import cer, cer_interval, wer, wer_interval
from asr_helpers.model import load_base_model
from asr_helpers.new_language import first_minutes, with_new_top
from asr_helpers.processor import keep_fitting, prepare_dataset, processor_for
from asr_helpers.profiles import load_profile
from benchmarks.common import alone, measured, save

MINUTES = 5.0
FEW = 12  # clips of a split, with --quick


def measure(language, quick):
    """Scores of one language and seconds of each part, in a process of its own."""
    profile = load_profile("smoke" if quick else "offline")
    corpus = load_corpus(profile.corpus, language, profile.revision, profile.seed)
    processor = processor_for(profile.base_model, corpus["train"]["transcription"], language)
    base = load_base_model(profile.base_model, processor, profile.seed)
    rows, kept, begun = {}, {}, time.perf_counter()
    for split in ("train", "test"):
        chosen = corpus[split].select(range(FEW)) if quick else corpus[split]
        rows[split] = prepare_dataset(chosen, processor, language)
    train = keep_fitting(rows["train"], base)
    numbers, minutes = first_minutes(train, MINUTES, profile.sampling_rate, profile.seed)
    rows["train"] = train.select(numbers)
    prepared, layers = time.perf_counter(), profile.adaptation.layers
    for split, some in rows.items():
        kept[split] = lower_outputs(base, some.with_format("numpy")["input_values"], layers)
    framed = time.perf_counter()
    model = with_new_top(profile, processor, rows["train"], kept["train"])
    trained = time.perf_counter()
    spoken = list(rows["test"]["text"])
    written = transcribe_kept(model, processor, kept["test"], layers)
    return {
        "language": language, "minutes": minutes, "clips": len(spoken),
        "words": sum(len(text.split()) for text in spoken),
        "prepare_seconds": prepared - begun, "frames_seconds": framed - prepared,
        "train_seconds": trained - framed,
        "wer": wer(spoken, written), "wer_interval": wer_interval(spoken, written, profile.seed),
        "cer": cer(spoken, written), "cer_interval": cer_interval(spoken, written, profile.seed),
    }  # fmt: skip


def run(quick):
    """Each language in turn, one run each; quick: the first language, of few steps."""
    own = load_profile("offline").language
    others = [name for name in languages() if name != own]
    rows = []
    for language in others[:1] if quick else others:
        rows.append(measured("languages", language=language, quick=quick))
        print(line(rows[-1]), flush=True)
    return {"minutes": MINUTES, "languages": rows}


def line(row):
    """One language, for people."""
    wers, cers = ("{:.3f} to {:.3f}".format(*row[f"{rate}_interval"]) for rate in ("wer", "cer"))
    return (
        f"{row['language']}: test WER {row['wer']:.3f} ({wers}), CER {row['cer']:.3f} ({cers}), "
        f"{row['clips']} clips; {row['minutes']:.1f} minutes of speech, frames in "
        f"{row['frames_seconds']:.0f} s, trained in {row['train_seconds']:.0f} s"
    )


def table(result):
    """Lines for people."""
    return [line(row) for row in result["languages"]]


def draw(result):
    """A bar for each rate of each language, with its interval."""
    rows = result["languages"]
    figure, axes = plt.subplots(figsize=(8, 3.2))
    for side, (rate, colour) in enumerate((("wer", plots.BLUE), ("cer", plots.ORANGE))):
        places = [k + 0.4 * side - 0.2 for k in range(len(rows))]
        values = [row[rate] for row in rows]
        ends = zip(values, (row[f"{rate}_interval"] for row in rows))
        reach = list(zip(*((max(0, v - low), max(0, high - v)) for v, (low, high) in ends)))
        axes.bar(
            places, values, 0.38, yerr=reach, capsize=4, color=colour, label=f"test {rate.upper()}"
        )
    axes.set_xticks(range(len(rows)), [row["language"] for row in rows])
    axes.set(
        ylabel="rate (fraction)", title=f"After {result['minutes']:g} minutes of training speech"
    )
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, "languages")


if __name__ == "__main__":
    alone("languages")
