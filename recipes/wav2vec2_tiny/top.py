"""Train the top on the kept frames by CTC. Run it again after a kill and it goes on.

    python -m recipes.wav2vec2_tiny.top WORK HOURS

HOURS is the speech to train on in all, each pass counted. Trained are Wav2Vec2's adapter, the CTC head
and the encoder's last normalisation, 1.0 million parameters; all below is frozen, and its frames come
from `WORK/bank`. No English prompt of the corpus is heard. `WORK/history.json` gets the scores on the
prompts' validation split and on the game that is held out; both are watched and select nothing.
"""

import json
import math
import sys
import time
from pathlib import Path

import jiwer
import numpy as np
import torch
import torch.nn.functional as F

from asr_helpers.training import fast_bfloat16
from recipes.wav2vec2_tiny import bank, data, network
from recipes.wav2vec2_tiny.corpora import real_prompts
from recipes.wav2vec2_tiny.network import CHARACTERS

SHARES = {"flite": 0.2, "kokoro_en": 0.25, "piper": 0.1, "queen": 0.28, "sky": 0.17}
HELD_OUT = "drascula"  # a whole game, with its actors
BATCH_FRAMES = 2400  # 48 s
MULTIPLE = 25  # frames; batches are padded to it, so that few shapes occur
LEARNING_RATE, WARM_UP = 1.5e-3, 200  # steps
DROPOUT = 0.2
MIXED = 0.3  # the share of utterances that get some of another one's manner of speaking
OTHERS = 800  # utterances whose manner is known
SAVE_EVERY = 4 * 60  # seconds
PROBE = 150  # lines of the game that is held out


class Top(torch.nn.Module):
    """What is trained: the last normalisation, the adapter and the head of `network.new_model`."""

    def __init__(self):
        super().__init__()
        model = network.new_model()
        self.norm = model.wav2vec2.encoder.layer_norm
        self.adapter = model.wav2vec2.adapter
        self.head = model.lm_head

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(batch, frames, 32) logits of (batch, frames, 384)."""
        return self.head(F.dropout(self.adapter(self.norm(frames)), DROPOUT, self.training))


def batches(utterances, rng):
    """Endless lists of utterances of like length, about BATCH_FRAMES frames each."""
    waiting = {}
    while True:
        for row in rng.permutation(len(utterances)):
            size = -(-len(utterances[row][0]) // MULTIPLE) * MULTIPLE
            bucket = waiting.setdefault(size, [])
            bucket.append(utterances[row])
            if len(bucket) >= max(1, BATCH_FRAMES // size):
                yield waiting.pop(size)


def manners(rows, rng):
    """(at most OTHERS, 2, 384): mean and deviation of each channel, of utterances above 1.2 s."""
    drawn = [rows[k][0] for k in rng.integers(0, len(rows), OTHERS)]
    long = [np.asarray(frames, np.float32) for frames in drawn if len(frames) > 60]
    return np.array([[frames.mean(0), frames.std(0)] for frames in long])


def in_another_manner(frames, others, rng):
    """Frames (n, 384) whose channels' means and deviations go up to half of the way to another's.

    MixStyle (Zhou et al. 2021): voice and line show in these, what is said hardly does.
    """
    mean, deviation = frames.mean(0), frames.std(0) + 1e-3
    share = rng.beta(0.3, 0.3)
    own = max(share, 1 - share)
    other = others[rng.integers(len(others))]
    scale = own * deviation + (1 - own) * other[1]
    return (frames - mean) / deviation * scale + own * mean + (1 - own) * other[0]


def collate(rows, rng=None, others=()):
    """(frames (batch, longest, 384), sizes, labels (batch, longest label), label sizes).

    With `rng`, short spans of frames are set to zero, one for thirty frames, and a share of MIXED
    of the utterances get the manner of one of the `others`.
    """
    sizes = torch.tensor([len(frames) for frames, _ in rows])
    longest = -(-int(sizes.max()) // MULTIPLE) * MULTIPLE
    padded = torch.zeros(len(rows), longest, 384)
    for target, (frames, _) in zip(padded, rows):
        single = np.asarray(frames, np.float32)
        if len(others) and rng.random() < MIXED:
            single = in_another_manner(single, others, rng)
        target[: len(frames)] = torch.from_numpy(single.astype(np.float32))
        if rng is not None:
            for start in rng.integers(0, len(frames), len(frames) // 30):
                target[start : start + rng.integers(1, 6)] = 0
    ids = {character: i for i, character in enumerate(CHARACTERS)}
    labels = [torch.tensor([ids[c] for c in text.replace(" ", "|")]) for _, text in rows]
    label_sizes = torch.tensor([len(row) for row in labels])
    return padded, sizes, torch.nn.utils.rnn.pad_sequence(labels, True), label_sizes


def loss_of(top, batch):
    """CTC's loss of each letter, averaged over the utterances."""
    frames, sizes, labels, label_sizes = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=fast_bfloat16()):
        logits = top(frames)
    scores = logits.float().log_softmax(-1).transpose(0, 1)
    each = F.ctc_loss(scores, labels, sizes, label_sizes, reduction="none", zero_infinity=True)
    return (each / label_sizes).mean()


def greedy(ids):
    """Collapse repeats, drop blanks and special tokens, join."""
    kept = [i for i, before in zip(ids, [None, *ids]) if i != before and i > 3]
    return " ".join("".join(CHARACTERS[i] for i in kept).replace("|", " ").split())


@torch.inference_mode()
def word_error_rate(top, rows):
    """(WER, CER) of [(frames, text)], each read alone."""
    top.eval()
    said = [greedy(top(collate([row])[0][:, : len(row[0])])[0].argmax(-1).tolist()) for row in rows]
    top.train()
    truth = [text for _, text in rows]
    return round(jiwer.wer(truth, said), 4), round(jiwer.cer(truth, said), 4)


def yardsticks(work):
    """{name: [(frames, text)]}: the validation prompts, and the game that is held out."""
    path = Path(work) / "bank" / "prompts.npy"
    if not path.exists():
        prompts = real_prompts("en-US", "validation", data.STORED_RATE)
        heard = [bank.frames_of(data.Utterance(a, t, "prompts"), None) for a, t in prompts]
        bank.write(path, heard, [text for _, text in prompts])
    found = {"prompts": bank.read(path)}
    games = [
        u for p in sorted((Path(work) / "bank").glob(f"{HELD_OUT}-*.0.npy")) for u in bank.read(p)
    ]
    return found | ({HELD_OUT: games[:: max(1, len(games) // PROBE)]} if games else {})


def main(work, hours):
    work, hours = Path(work), float(hours)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    top = Top().train()
    optimizer = torch.optim.AdamW(
        top.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    state = {"step": 0, "hours": 0.0, "clock": 0.0, "history": []}
    checkpoint = work / "top.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        top.load_state_dict(saved["top"])
        optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
        rng = np.random.default_rng(state["step"])
        torch.manual_seed(state["step"])
    spoken = {source: [] for source in SHARES}
    for path in sorted((work / "bank").glob("*-[0-9]*.npy")):
        if (source := path.name.split("-")[0]) in spoken:
            spoken[source] += bank.read(path)
    spoken = {source: rows for source, rows in spoken.items() if rows}
    unique = {s: round(sum(len(f) for f, _ in rows) / 50 / 3600, 2) for s, rows in spoken.items()}
    print("hours kept of each source:", unique, flush=True)
    everyone = [row for rows in spoken.values() for row in rows]
    others = manners(everyone, np.random.default_rng(1))
    endless = {source: batches(rows, rng) for source, rows in spoken.items()}
    odds = np.array([SHARES[source] for source in spoken])
    watched = yardsticks(work)

    def save():
        row = {"hours": round(state["hours"], 2), "clock": round(state["clock"])}
        row |= {"loss": round(smooth, 4)}
        for name, rows in watched.items():
            row[f"{name}_wer"], row[f"{name}_cer"] = word_error_rate(top, rows)
        state["history"].append(row)
        (work / "history.json").write_text(json.dumps(state["history"], indent=1))
        print(json.dumps(row), flush=True)
        half = checkpoint.with_suffix(".half")
        kept = {"top": top.state_dict(), "optimizer": optimizer.state_dict(), "state": state}
        torch.save(kept, half)
        half.rename(checkpoint)

    smooth, last_save = 3.0, time.time()
    while state["hours"] < hours:
        tick = time.time()
        rows = next(endless[list(spoken)[rng.choice(len(spoken), p=odds / odds.sum())]])
        batch = collate(rows, rng, others)
        warm = min(1.0, (state["step"] + 1) / WARM_UP)
        rate = (
            LEARNING_RATE * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * state["hours"] / hours)))
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(top, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(top.parameters(), 1.0)
        optimizer.step()
        smooth = 0.98 * smooth + 0.02 * loss.item()
        state["step"] += 1
        state["hours"] += batch[1].sum().item() / 50 / 3600
        state["clock"] += time.time() - tick
        if time.time() - last_save > SAVE_EVERY:
            save()
            last_save = time.time()
    save()


if __name__ == "__main__":
    main(*sys.argv[1:])
