"""Pretrain wav2vec2-tiny. Run it again after a kill and it goes on from its last checkpoint.

    python -m recipes.wav2vec2_tiny.pretrain WORK HOURS [EXPORTED]

HOURS is the audio to train on in all, each pass counted (not the clock's hours). Where WORK has no
checkpoint, EXPORTED, the folder that `export.py` wrote, is gone on from: its weights and its hours,
with a fresh optimiser.

The phases, as shares of HOURS: `ears`, our convolutions learn to feed Whisper's layers what its own
do; `frames`, each frame, some of them masked, learns what Whisper's encoder makes of it at its end and
which of flite's phones it is, as HuBERT does with its clusters (Hsu et al. 2021); `heads`, the
character heads alone learn, so that their first, blind gradients leave the encoder whole;
`characters`, CTC on every voice and language, with both tasks of `frames` kept on beside it.
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

from recipes.wav2vec2_tiny import data, teacher, transplant
from recipes.wav2vec2_tiny.corpora import LANGUAGES
from recipes.wav2vec2_tiny.evaluate import scores
from recipes.wav2vec2_tiny.network import CHARACTERS, RATE, frame_geometry, new_model

SHARES = {"flite": 0.22, "piper": 0.16, "kokoro_en": 0.12, "real": 0.18}
SHARES |= {"queen": 0.42, "drascula": 0.05}
PHASES = {"ears": 0.15, "frames": 0.05, "heads": 0.003, "characters": 1.0}
BATCH_SECONDS = 32
LEARNING_RATES = {"ears": 2e-3, "frames": 6e-4, "heads": 4e-3, "characters": 6e-4}
WARM_UP = 300  # steps
AGAIN = 0.67  # of the learning rate, where an export is gone on from
WEIGHTS = {"phone": 0.3, "teacher": 1.0}
CONVOLUTIONS_REST = 0.1  # share of the last phase after which the convolutions stay as they are
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

    def ears_loss(self, batch):
        """How far what our convolutions feed the first layer is from what Whisper's do.

        Squared error over each feature's variance: 1.0 is a constant guess.
        """
        with torch.autocast("cpu", dtype=torch.bfloat16):
            heard = self.model.wav2vec2.feature_extractor(batch["input_values"]).transpose(1, 2)
            given, _ = self.model.wav2vec2.feature_projection(heard)
            given = given + self.model.wav2vec2.encoder.pos_conv_embed(given)
        field, hop = frame_geometry(self.model.config)
        places = (torch.arange(given.shape[1]) * hop + field / 2) / RATE * 50
        wanted, below = transplant.ears(batch["input_values"]), places.long()
        share = (places - below)[:, None]
        wanted = (1 - share) * wanted[:, below] + share * wanted[:, below + 1]
        kept = self.frames_of(batch, given)
        wanted = wanted[kept]
        return (((given.float()[kept] - wanted) / (wanted.std(0) + 0.05)) ** 2).mean()

    def frames_of(self, batch, hidden):
        """(batch, frames) of bool: which frames hold speech and not padding."""
        return self.model._get_feature_vector_attention_mask(
            hidden.shape[1], batch["attention_mask"]
        ).bool()

    def loss(self, batch, source, phase):
        """(loss, {name: its parts}) of one batch, all of whose utterances are of one source."""
        if phase == "ears":
            loss = self.ears_loss(batch)
            return loss, {"ears": loss}
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
            heard = self.frames_of(batch, hidden)
            parts["teacher"] = F.mse_loss(self.teacher_head(hidden[heard]), batch["teacher"][heard])
        if phase != "frames":
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
        return sum(WEIGHTS.get(name, 1.0) * part for name, part in parts.items()), parts


@torch.no_grad()
def begin_as_whisper(network, work):
    """Whisper's layers, and a teacher's head that only standardises, as the targets are."""
    transplant.transplant(network.model.wav2vec2)
    with np.load(work / "teacher.npz") as scale:
        deviation, mean = torch.tensor(scale["deviation"]), torch.tensor(scale["mean"])
    network.teacher_head.weight.copy_(torch.diag(1 / deviation))
    network.teacher_head.bias.copy_(-mean / deviation)


def phase_of(done):
    """The phase at a share `done` of the whole, and how far it is in its own, 0 to 1."""
    start = 0.0
    for name, share in PHASES.items():
        end = min(start + share, 1.0)
        if done < end or end == 1.0:
            return name, (done - start) / (end - start)
        start = end


def learning_rate(phase, progress, step):
    """Of a phase that is `progress` (0 to 1) through, at its `step`: up, then down a cosine."""
    rate = LEARNING_RATES[phase]
    if phase in ("heads", "frames"):
        return rate
    warm = min(1.0, (step + 1) / WARM_UP)
    return rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


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
    network.load_state_dict(exported)
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
        network.parameters(), lr=1e-3, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )
    geometry = frame_geometry(network.model.config)
    checkpoint = work / "checkpoint.pt"
    state = {"step": 0, "hours": 0.0, "began": 0.0, "clock": 0.0, "history": []}
    if not checkpoint.exists() and start:
        state |= go_on_from(network, Path(start))
    elif not checkpoint.exists():
        begin_as_whisper(network, work)
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
        source = names[rng.choice(len(names), p=odds)]
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
            network.model.wav2vec2.requires_grad_(phase != "heads")
            before, began = phase, state["step"]
        if phase == "characters" and progress > CONVOLUTIONS_REST:
            network.model.freeze_feature_encoder()  # 40 % more steps for the same time
        source, batch = next(ready)
        for group in optimizer.param_groups:
            rate = learning_rate(phase, progress, state["step"] - began)
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
