"""Pretrain wav2vec2-tiny. Run it again after a kill and it goes on from its last checkpoint.

    python -m recipes.wav2vec2_tiny.pretrain WORK HOURS [EXPORTED]

HOURS is the audio to train on in all, each pass counted (not the clock's hours). Where WORK has no
checkpoint, EXPORTED, the folder that `export.py` wrote, is gone on from: its weights and its hours,
with a fresh optimiser.

The phases, as shares of HOURS: `phones`, each frame of flite's speech is classified, as HuBERT does
with its clusters (Hsu et al. 2021), flite itself telling the phones; `heads`, the character heads
alone learn, so that their first, blind gradients leave the encoder whole; `characters`, CTC on every
voice and language, with the phones kept on as a second task. In the first and the last the frames of
Whisper's encoder are learned besides, where `teacher.py` has heard a shard.
"""

import json
import math
import sys
import time
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tqdm import tqdm

from recipes.wav2vec2_tiny import data, teacher
from recipes.wav2vec2_tiny.corpora import LANGUAGES
from recipes.wav2vec2_tiny.evaluate import scores
from recipes.wav2vec2_tiny.network import CHARACTERS, frame_geometry, new_model

SHARES = {"flite": 0.22, "piper": 0.1, "kokoro": 0.07, "kokoro_en": 0.35, "real": 0.18}
SHARES |= {"queen": 0.42, "drascula": 0.05}
PHASES = {"phones": 0.07, "heads": 0.003, "characters": 1.0}
BATCH_SECONDS = 32
LEARNING_RATE, HEADS_LEARNING_RATE = 1.2e-3, 4e-3
AGAIN = 0.67  # of the learning rate, where an export is gone on from
WEIGHTS = {"phone": 0.3, "teacher": 1.0}
CONVOLUTIONS_REST = 0.25  # share of the last phase after which the convolutions stay as they are
SAVE_EVERY = 8 * 60  # seconds on the clock


class Pretraining(torch.nn.Module):
    """The model with one head for phones and one for each other language's characters."""

    def __init__(self, phones, alphabets):
        super().__init__()
        self.model = new_model()
        width = self.model.config.hidden_size
        self.phone_head = torch.nn.Linear(width, phones)
        self.teacher_head = torch.nn.Linear(width, teacher.WIDTH)
        self.heads = torch.nn.ModuleDict(
            {s: torch.nn.Linear(width, len(a)) for s, a in alphabets.items() if s in LANGUAGES}
        )

    def loss(self, batch, source, phase):
        """(loss, {name: its parts}) of one batch, all of whose utterances are of one source."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.model.wav2vec2(
                batch["input_values"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
        hidden = hidden.float()
        parts = {}
        if "phones" in batch and phase != "heads":
            labels = batch["phones"].flatten()
            parts["phone"] = F.cross_entropy(self.phone_head(hidden).flatten(0, 1), labels)
        if "teacher" in batch and phase != "heads":
            heard = self.model._get_feature_vector_attention_mask(
                hidden.shape[1], batch["attention_mask"]
            ).bool()
            parts["teacher"] = F.mse_loss(self.teacher_head(hidden[heard]), batch["teacher"][heard])
        if phase != "phones":
            head = self.heads[source] if source in self.heads else self.model.lm_head
            frames = self.model._get_feat_extract_output_lengths(batch["attention_mask"].sum(1))
            sizes = (batch["labels"] >= 0).sum(1)
            each = F.ctc_loss(
                head(hidden).log_softmax(-1).transpose(0, 1),
                batch["labels"].clamp(min=0),
                frames,
                sizes,
                reduction="none",
                zero_infinity=True,
            )
            parts["ctc_" + source] = (each / sizes).mean()
        weights = [WEIGHTS.get(n, 1.0) if phase != "phones" else 1.0 for n in parts]
        return sum(w * part for w, part in zip(weights, parts.values())), parts


def phase_of(done):
    """The phase at a share `done` of the whole, and how far it is in its own, 0 to 1."""
    start = 0.0
    for name, share in PHASES.items():
        end = min(start + share, 1.0)
        if done < end or end == 1.0:
            return name, (done - start) / (end - start)
        start = end


def learning_rate(phase, progress, step):
    if phase == "heads":
        return HEADS_LEARNING_RATE
    warm = min(1.0, (step + 1) / 300)
    if phase == "phones":
        return LEARNING_RATE * warm
    return LEARNING_RATE * warm * max(0.01, 0.45 * (1 + math.cos(math.pi * min(progress, 1.0))))


def sources_of(utterances, rng):
    """{source: endless batches} and the probability of each, of those sources that exist."""
    groups = {}
    for utterance in utterances:
        groups.setdefault(utterance.source, []).append(utterance)
    weights = {}
    for source, group in groups.items():
        if source in LANGUAGES:
            spoken = sum(len(u.audio) for s in LANGUAGES for u in groups.get(s, []))
            weights[source] = SHARES["real"] * sum(len(u.audio) for u in group) / spoken
        else:
            weights[source] = SHARES[source]
    total = sum(weights.values())
    endless = {s: data.batches(g, BATCH_SECONDS, rng) for s, g in groups.items()}
    return endless, {s: w / total for s, w in weights.items()}


def split_off(utterances, one_in=70):
    """(rest, held out for validation) of the synthetic utterances, by a hash of what is said.

    Whoever says it: a sentence, or a word, that is held out is held out for every voice.
    """
    held = [u for u in utterances if zlib.crc32(u.text.encode()) % one_in == 0]
    return [u for u in utterances if zlib.crc32(u.text.encode()) % one_in], held


def prepared(produce, ahead=3):
    """Endless results of `produce()`, made ahead in a thread while the model computes."""
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(produce) for _ in range(ahead))
        while True:
            waiting.append(pool.submit(produce))
            yield waiting.popleft().result()


def go_on_from(network, folder):
    """Load an exported encoder with its heads; the hours, clock and history it had."""
    exported = load_file(folder / "pretraining_heads.safetensors")
    encoder = load_file(folder / "model.safetensors")
    exported |= {f"model.wav2vec2.{name}": weight.float() for name, weight in encoder.items()}
    network.load_state_dict(exported, strict=False)  # an older export has no teacher's head
    history = json.loads((folder / "pretraining.json").read_text())
    hours, clock = history[-1]["hours"], history[-1]["clock"]
    return {"hours": hours, "began": hours, "clock": clock, "history": history}


def main(work, hours, start=None):
    work, hours = Path(work), float(hours)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    spoken = data.english(work)
    flite = sorted({phone for u in spoken for phone in u.phones})
    phone_ids = {phone: i for i, phone in enumerate(flite)}
    spoken, held = split_off(spoken)
    utterances = spoken + data.real(LANGUAGES, work)
    letters = data.alphabets(utterances)
    network = Pretraining(len(phone_ids), {**dict.fromkeys(LANGUAGES, CHARACTERS), **letters})
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )
    geometry = frame_geometry(network.model.config)
    checkpoint = work / "checkpoint.pt"
    state = {"step": 0, "hours": 0.0, "began": 0.0, "clock": 0.0, "history": []}
    if not checkpoint.exists() and start:
        state |= go_on_from(network, Path(start))
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
        rng = np.random.default_rng(state["step"])
        torch.manual_seed(state["step"])
        np.random.seed(state["step"])  # noqa: NPY002  (transformers draws its masks from it)
    counts = {
        s: round(sum(len(u.audio) for u in utterances if u.source == s) / 8000 / 3600, 2)
        for s in letters
    }
    print("hours of each source:", counts, "from", state["hours"], "hours on", flush=True)
    endless, weights = sources_of(utterances, rng)
    names, odds = list(weights), list(weights.values())

    def produce():
        phones_only = phase_of(state["hours"] / hours)[0] == "phones"
        source = "flite" if phones_only else names[rng.choice(len(names), p=odds)]
        rows = next(endless[source])
        return source, data.collate(rows, letters[source], geometry, phone_ids, rng)

    ready = prepared(produce)

    def save():
        half = checkpoint.with_suffix(".half")
        torch.save(
            {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "state": state},
            half,
        )
        half.rename(checkpoint)

    def measure(phase):
        row = {"hours": round(state["hours"], 2), "clock": round(state["clock"]), "phase": phase}
        row |= scores(network, held, geometry, phone_ids) | smooth
        state["history"].append(row)
        (work / "history.json").write_text(json.dumps(state["history"], indent=1))
        tqdm.write(json.dumps(row))

    smooth, last_save, before = {}, time.time(), None
    bar = tqdm(total=hours, initial=state["hours"], unit="h", unit_scale=False, mininterval=30)
    network.train()
    while state["hours"] < hours:
        tick = time.time()
        phase, progress = phase_of(state["hours"] / hours)
        if state["began"]:  # gone on from an export: the learning rate rises and falls anew
            progress = (state["hours"] - state["began"]) / (hours - state["began"])
        if phase != before:
            if phase == "characters" and before is not None:
                measure(phase)
            network.model.wav2vec2.requires_grad_(phase != "heads")
            network.model.config.mask_time_prob = 0.1 if phase == "phones" else 0.06
            before = phase
        if phase == "characters" and progress > CONVOLUTIONS_REST:
            network.model.freeze_feature_encoder()  # 40 % more steps for the same time
        source, batch = next(ready)
        for group in optimizer.param_groups:
            rate = learning_rate(phase, progress, state["step"])
            group["lr"] = rate * AGAIN if state["began"] else rate
        loss, parts = network.loss(batch, source, phase)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        heard = batch["attention_mask"].sum().item() / 16000 / 3600
        state["step"] += 1
        state["hours"] += heard
        state["clock"] += time.time() - tick
        for name, part in parts.items():
            smooth[name] = round(0.97 * smooth.get(name, part.item()) + 0.03 * part.item(), 4)
        bar.update(heard)
        if state["step"] % 200 == 0:
            bar.write(
                f"{state['step']} {phase} {state['hours']:.1f} h, {state['hours'] * 3600 / state['clock']:.0f} x, {smooth}"
            )
        if time.time() - last_save > SAVE_EVERY:
            measure(phase)
            save()
            last_save = time.time()
    measure(phase)
    save()


if __name__ == "__main__":
    main(*sys.argv[1:])
