"""How well the model being pretrained reads: held-out synthetic speech, and real prompts unseen.

The real prompts are the en-US validation split, which is watched and selects nothing.
"""

import jiwer
import torch

from recipes.wav2vec2_tiny import data
from recipes.wav2vec2_tiny.corpora import real_prompts
from recipes.wav2vec2_tiny.network import CHARACTERS


def greedy(ids):
    """Collapse repeats, drop blanks and special tokens, join."""
    kept = [i for i, before in zip(ids, [None, *ids]) if i != before and i > 3]
    return " ".join("".join(CHARACTERS[i] for i in kept).replace("|", " ").split())


@torch.inference_mode()
def read(network, utterances, geometry, phone_ids):
    """(texts, share of frames whose phone is right) of `utterances`, a dozen at a time."""
    texts, right, total = {}, 0, 0
    order = sorted(range(len(utterances)), key=lambda i: len(utterances[i].audio))
    for start in range(0, len(order), 12):
        rows = order[start : start + 12]
        by_kind = [
            [i for i in rows if utterances[i].phones],
            [i for i in rows if not utterances[i].phones],
        ]
        for kind in filter(None, by_kind):
            batch = data.collate([utterances[i] for i in kind], CHARACTERS, geometry, phone_ids)
            hidden = network.model.wav2vec2(
                batch["input_values"], attention_mask=batch["attention_mask"]
            ).last_hidden_state
            frames = network.model._get_feat_extract_output_lengths(batch["attention_mask"].sum(1))
            best = network.model.lm_head(hidden).argmax(-1)
            texts |= {i: greedy(row[:n].tolist()) for i, row, n in zip(kind, best, frames)}
            if "phones" in batch:
                known = batch["phones"] >= 0
                guess = network.phone_head(hidden).argmax(-1)
                right += (guess == batch["phones"])[known].sum().item()
                total += known.sum().item()
    return [texts[i] for i in range(len(utterances))], right / max(total, 1)


def scores(network, held, geometry, phone_ids):
    """A row of the history: WER and CER (fractions) on synthetic and on real validation speech."""
    network.eval()
    said, phones = read(network, held, geometry, phone_ids)
    truth = [u.text for u in held]
    row = {"phone_accuracy": phones, "wer": jiwer.wer(truth, said), "cer": jiwer.cer(truth, said)}
    real = [data.Utterance(a, t, "real") for a, t in real_prompts("en-US", "validation", 8000)]
    if real:
        said, _ = read(network, real, geometry, phone_ids)
        truth = [u.text for u in real]
        row |= {"real_wer": jiwer.wer(truth, said), "real_cer": jiwer.cer(truth, said)}
    network.train()
    return {name: round(value, 4) for name, value in row.items()}
