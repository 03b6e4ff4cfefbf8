"""The frames that the frozen part of the model makes of every utterance, computed once and kept.

    python -m recipes.wav2vec2_tiny.bank WORK VARIATION [VOICE ...]

For each shard `WORK/VOICE-0007.npz` it writes `WORK/bank/VOICE-0007.V.npy`, half precision, (frames of
20 ms, 384) of all utterances joined, and `.json` beside it: how many frames each has, and its text.
Each VARIATION (0, 1, ...) draws tempo, equaliser and noise of each utterance anew. One hour of speech
takes about 140 MB.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from asr_helpers.training import fast_bfloat16
from recipes.wav2vec2_tiny import data
from recipes.wav2vec2_tiny.corpora import all_transcripts
from recipes.wav2vec2_tiny.encoder import heard
from recipes.wav2vec2_tiny.texts import Forbidden


def frames_of(utterance: data.Utterance, rng: np.random.Generator | None) -> np.ndarray:
    """(frames, 384), half precision, of one utterance; `rng` None leaves the sound as it is."""
    wave = data.waveform(utterance, rng)
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
        return heard(torch.from_numpy(wave)[None])[0].half().numpy()


def utterances_of(shard: Path, forbidden: Forbidden) -> list[data.Utterance]:
    """A shard's utterances, without any that says a sentence of the corpus."""
    voice = shard.name.split("-")[0]
    with np.load(shard) as kept:
        audio, offsets, texts = kept["audio"], kept["offsets"], kept["texts"].tolist()
    clips = [audio[a:b] for a, b in zip(offsets, offsets[1:])]
    return [
        data.Utterance(clip, text, voice)
        for clip, text in zip(clips, texts)
        if text not in forbidden and not data.repeated(text)
    ]


def write(path: Path, frames: list[np.ndarray], texts: list[str]) -> None:
    """The frames, and beside them the sizes and texts: whole or not at all."""
    half = path.with_suffix(".half")
    with half.open("wb") as out:
        np.save(out, np.concatenate(frames))
    rows = {"frames": [len(f) for f in frames], "texts": texts}
    path.with_suffix(".json").write_text(json.dumps(rows))
    half.rename(path)


def read(path: Path) -> list[tuple[np.ndarray, str]]:
    """[(frames, text)] of one file; the frames stay on the disk until they are used."""
    rows, joined = json.loads(path.with_suffix(".json").read_text()), np.load(path, mmap_mode="r")
    bounds = np.cumsum([0, *rows["frames"]])
    return [(joined[a:b], text) for a, b, text in zip(bounds, bounds[1:], rows["texts"])]


def main(work, variation=0, *voices):
    """The frames of every shard, or of the shards of some voices, in one variation."""
    work = Path(work)
    (work / "bank").mkdir(parents=True, exist_ok=True)
    forbidden = Forbidden(all_transcripts())
    torch.set_num_threads(1)
    shards = [p for v in voices or ["*"] for p in sorted(work.glob(f"{v}-[0-9]*.npz"))]
    for shard in tqdm(shards, unit="shard"):
        path = work / "bank" / f"{shard.stem}.{variation}.npy"
        if path.exists():
            continue
        rng = np.random.default_rng(zlib.crc32(path.name.encode()))
        utterances = utterances_of(shard, forbidden)
        write(path, [frames_of(u, rng) for u in utterances], [u.text for u in utterances])


if __name__ == "__main__":
    main(*sys.argv[1:])
