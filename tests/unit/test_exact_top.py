"""The trained top of the exact model: its batches, its loss, going on, and the files it leaves."""

import json

import numpy as np
import pytest
import torch
from test_recipes import WHISPER, whisper_weights
from transformers import AutoModelForCTC
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from recipes.wav2vec2_tiny import bank, encoder, export, network, recorded, top, transplant


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(0)
    return whisper_weights(WhisperEncoder(WHISPER))


@pytest.fixture(autouse=True)
def random_whisper(monkeypatch, weights):
    monkeypatch.setattr(transplant, "encoder", lambda: weights)


def rows(count, seed=0):
    """[(frames (n, 384), text)] that can be told apart: each letter has a frame of its own."""
    rng = np.random.default_rng(seed)
    sounds = {letter: rng.normal(size=384) for letter in "AB "}
    found = []
    for _ in range(count):
        text = "".join(rng.choice(list("AB"), size=rng.integers(2, 6)))
        frames = np.repeat([sounds[letter] for letter in text], 4, axis=0)
        found.append(((frames + 0.1 * rng.normal(size=frames.shape)).astype(np.float16), text))
    return found


def test_what_is_heard_fast_is_what_the_network_hears(weights):
    wave = torch.tensor(np.random.default_rng(0).normal(size=(1, 24_000)), dtype=torch.float32)
    model = network.new_model()
    with torch.no_grad():
        ours = model.wav2vec2(wave, output_hidden_states=True).hidden_states[-1]
        norm = model.wav2vec2.encoder.layer_norm
        near = torch.cosine_similarity(norm(ours), norm(encoder.heard(wave)), dim=-1)
    assert near.shape == (1, ours.shape[1]) and near.min() > 0.98


def test_a_batch_is_padded_to_few_lengths_and_spelled(weights):
    frames, sizes, labels, label_sizes = top.collate(rows(3))
    assert frames.shape[1] % top.MULTIPLE == 0 and frames.shape[1] >= sizes.max()
    assert [network_letter(labels, k, label_sizes[k]) for k in range(3)] == [t for _, t in rows(3)]


def network_letter(labels, row, size):
    return "".join(top.CHARACTERS[i] for i in labels[row, :size])


def test_frames_are_hidden_only_while_training():
    plain = top.collate(rows(4))[0]
    hidden = top.collate([(np.ones((90, 384), np.float16), "A")], np.random.default_rng(0))[0]
    assert (plain == top.collate(rows(4))[0]).all()
    assert 0 < (hidden[0, :90] == 0).all(dim=1).sum() < 40


def test_another_manner_keeps_what_is_said_and_moves_at_most_half_way():
    rng = np.random.default_rng(0)
    frames = rng.normal(5, 2, (100, 384)).astype(np.float32)
    others = top.manners([((frames - 5) * 3 - 20, "A")] * 3, rng)
    assert others.shape == (top.OTHERS, 2, 384)
    for _ in range(5):
        moved = top.in_another_manner(frames, others, rng)
        assert -8 < moved.mean() <= 5.1 and 1.9 < moved.std(0).mean() < 4.1
        assert min(np.corrcoef(moved[:, k], frames[:, k])[0, 1] for k in range(20)) > 0.99
    plain = [(np.ones((90, 384), np.float16), "A")] * 20
    mixed = top.collate(plain, np.random.default_rng(0), others)[0]
    # Plain frames stay 1, or 0 where they are hidden; those in another manner are neither.
    changed = ((mixed[:, :90] != 1) & (mixed[:, :90] != 0)).any(dim=2).any(dim=1)
    assert 0 < changed.sum() < 20


def test_the_top_learns_to_write():
    torch.manual_seed(0)
    model, rng = top.Top().train(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    drawn, losses = top.batches(rows(200), rng), []
    for _ in range(60):
        loss = top.loss_of(model, top.collate(next(drawn)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert top.word_error_rate(model, rows(20, seed=0))[1] < 0.7


def test_a_shard_becomes_frames_without_forbidden_or_repeated_lines(tmp_path, monkeypatch):
    sound = (np.random.default_rng(0).normal(size=8000) * 3000).astype(np.int16)
    lines = [(sound, "TURN TO THE SIDE"), (sound[:4000], "SAY SO SAY SO"), (sound, "HELLO")]
    recorded.write(tmp_path / "queen-0000.npz", lines)
    monkeypatch.setattr(bank, "all_transcripts", lambda: ["hello"])
    bank.main(tmp_path, 1)
    ((frames, text),) = bank.read(tmp_path / "bank" / "queen-0000.1.npy")
    assert text == "TURN TO THE SIDE" and frames.shape[1] == 384 and 40 < len(frames) < 75
    before = (tmp_path / "bank" / "queen-0000.1.npy").stat().st_mtime_ns
    bank.main(tmp_path, 1)  # what exists is not computed again
    assert (tmp_path / "bank" / "queen-0000.1.npy").stat().st_mtime_ns == before


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with frames of two voices, and yardsticks of twelve rows."""
    (tmp_path / "bank").mkdir()
    for voice in ("flite", "queen", "drascula"):
        made = rows(60, seed=1)
        bank.write(
            tmp_path / "bank" / f"{voice}-0000.0.npy", [f for f, _ in made], [t for _, t in made]
        )
    monkeypatch.setattr(top, "yardsticks", lambda _: {"prompts": rows(4), "drascula": rows(4)})
    return tmp_path


def test_training_goes_on_from_its_checkpoint_and_leaves_the_held_out_game_alone(work, capsys):
    top.main(work, 0.02)
    first = torch.load(work / "top.pt", weights_only=True)["state"]
    top.main(work, 0.04)
    second = torch.load(work / "top.pt", weights_only=True)["state"]
    assert second["step"] > first["step"] > 0
    assert second["history"][: len(first["history"])] == first["history"]
    assert json.loads((work / "history.json").read_text()) == second["history"]
    assert "'queen'" in (said := capsys.readouterr().out) and "'drascula':" not in said


def test_the_model_folder_holds_the_trained_top(work, tmp_path):
    top.main(work, 0.01)
    export.main(work, tmp_path / "model")
    model = AutoModelForCTC.from_pretrained(tmp_path / "model").eval()
    assert model.wav2vec2(torch.randn(1, 16_000)).last_hidden_state.shape[2] == network.TOP
    saved = torch.load(work / "top.pt", weights_only=True)["top"]
    stored = model.wav2vec2.adapter.state_dict()["proj.weight"]
    assert torch.allclose(stored, saved["adapter.proj.weight"], atol=1e-3)
    files = [file.stat().st_size for file in (tmp_path / "model").iterdir()]
    assert sum(files) < 20.2e6
