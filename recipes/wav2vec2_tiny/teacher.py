"""What Whisper tiny.en's encoder makes of every shard: targets for the frames in pretraining.

    python -m recipes.wav2vec2_tiny.teacher WORK

For `WORK/VOICE-0007.npz` it writes `WORK/VOICE-0007.teacher.npy`: int8 (frames, 384), a frame each
20 ms, standardised by `WORK/teacher.npz` (mean and standard deviation of each of the 384, taken
over the first shard) and multiplied by 32. The frames of utterance k begin at `starts(offsets)[k]`.
Predicting a larger model's frames from varied, masked speech: DistilHuBERT (Chang et al. 2022).
"""

import sys
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from recipes.wav2vec2_tiny.corpora import LANGUAGES, short_prompts
from recipes.wav2vec2_tiny.recorded import CONTEXT, RATE, WHISPER_RATE, encode

FRAME = RATE // 50  # samples at 8 kHz
GAP = 10  # frames of silence between utterances that share a window
SCALE, WIDTH = 32, 384


def frames(samples):
    return -(-samples // FRAME)


def starts(offsets):
    """Where each utterance's frames begin in the file, and where the last one's end."""
    return np.cumsum([0, *map(frames, np.diff(offsets))])


def windows(sizes):
    """Consecutive utterances as long as fit into one of Whisper's windows: lists of indices."""
    rows, used = [], 0
    for k, size in enumerate(sizes):
        if rows and used + size > CONTEXT // 2:
            yield rows
            rows, used = [], 0
        rows.append(k)
        used += size + GAP
    yield rows


def beside(path):
    return path.with_suffix(".teacher.npy")


def of(path, offsets):
    """The features of each utterance of a shard, or None for each where it was not heard yet.

    They stay on the disk until they are used.
    """
    if not beside(path).exists():
        return [None] * (len(offsets) - 1)
    features, bounds = np.load(beside(path), mmap_mode="r"), starts(offsets)
    return [features[a:b] for a, b in zip(bounds, bounds[1:])]


def hear(utterances):
    """[(frames, 384)] of the encoder, for int16 utterances at 8 kHz of at most ten seconds."""
    sizes, heard = [frames(len(u)) for u in utterances], []
    for rows in windows(sizes):
        padded = [
            np.pad(utterances[k], (0, (sizes[k] + GAP) * FRAME - len(utterances[k]))) for k in rows
        ]
        audio = np.concatenate(padded)[: CONTEXT // 2 * FRAME] / np.float32(32768)
        features = np.array(encode(soxr.resample(audio, RATE, WHISPER_RATE), to_cpu=True))[0]
        start = 0
        for k in rows:
            heard.append(features[start : start + sizes[k]])
            start += sizes[k] + GAP
    return heard


def standardise(features, work):
    """int8 targets; the first call sets the mean and deviation that all later ones use."""
    path = work / "teacher.npz"
    if not path.exists():
        np.savez(path, mean=features.mean(0), deviation=features.std(0) + 1e-3)
    with np.load(path) as scale:
        scaled = (features - scale["mean"]) / scale["deviation"] * SCALE
    return np.clip(np.round(scaled), -127, 127).astype(np.int8)


def write(path, utterances):
    path, features = beside(path), np.concatenate(hear(utterances))
    half = path.with_suffix(".half")
    with half.open("wb") as out:
        np.save(out, standardise(features, path.parent))
    half.rename(path)


def main(work):
    work = Path(work)
    waiting = [p for p in sorted(work.glob("*-[0-9]*.npz")) if not beside(p).exists()]
    for path in tqdm(waiting, unit="shard"):
        with np.load(path) as shard:
            audio, offsets = shard["audio"], shard["offsets"]
        write(path, [audio[a:b] for a, b in zip(offsets, offsets[1:])])
    for language in LANGUAGES:
        path = work / f"{language}.npz"
        if not beside(path).exists():
            write(path, [audio for audio, _ in short_prompts(language)])


if __name__ == "__main__":
    main(*sys.argv[1:])
