"""How the embedded corpus and the base model were made: small runs of the same code."""

import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from asr_helpers.text import normalize
from recipes.corpus import build
from recipes.wav2vec2_tiny import (
    corpora,
    data,
    evaluate,
    network,
    pretrain,
    recorded,
    synthesise,
    teacher,
    texts,
    transplant,
)  # fmt: skip

PHONES = {"pau": 0, "t": 1, "uw": 2}


def utterance(seconds=1.0, text="TWO", source="flite", seed=0):
    noise = np.random.default_rng(seed).normal(0, 3000, int(seconds * 8000)).astype(np.int16)
    phones = ("pau", "t", "uw", "pau") if source == "flite" else ()
    ends = (0.1, 0.2, 0.8, seconds) if source == "flite" else ()
    return data.Utterance(noise, text, source, phones, ends)


def test_no_sentence_of_the_corpus_is_spoken(monkeypatch):
    monkeypatch.setattr(texts, "wordnet_examples", lambda: ["the cat sat", "a dog ran off today"])
    forbidden = ["seven", "the dog ran off"]
    made = [texts.plain(sentence) for sentence in texts.make(3000, 1, forbidden)]
    assert len(made) == 3000 and len(set(made)) > 1500
    assert "SEVEN" not in made and "THE CAT SAT" in made
    assert any("SEVEN" in sentence.split() for sentence in made)  # within a longer one it may


def test_a_long_transcript_is_forbidden_inside_another_sentence():
    forbidden = texts.Forbidden(["The dog ran off."])
    assert "yesterday the dog ran off again" in forbidden and "the dog" not in forbidden


def test_the_forbidden_are_every_split_of_every_language():
    from asr_helpers.corpus import load_corpus

    forbidden = set(corpora.all_transcripts())
    for split in load_corpus().values():
        assert {normalize(text) for text in split["transcription"]} <= forbidden


def test_real_prompts_are_of_training_splits_only(tmp_path):
    from asr_helpers.corpus import load_corpus

    texts_of = {u.text for u in data.real(["es-MX"], tmp_path)}
    held = load_corpus(language="es-MX")
    for split in ("validation", "test"):
        assert not texts_of & {normalize(t, "es-MX") for t in held[split]["transcription"]}
    assert "en-US" not in pretrain.LANGUAGES


def test_every_slot_of_the_grammar_can_be_filled():
    import random

    rng = random.Random(0)
    for _, template in [*texts.TEMPLATES, *texts.SHORT]:
        assert "{" not in texts.fill(template, rng)


def test_the_filterbank_hears_its_own_frequencies():
    filters = network.filterbank(400)
    assert filters.shape == (256, 1, 400)
    assert torch.allclose(filters.norm(dim=-1), torch.ones(256, 1), atol=1e-5)
    tone = torch.sin(2 * np.pi * 1000 * torch.arange(1600) / 16_000)[None, None]
    heard = torch.nn.functional.conv1d(tone, filters, stride=80).abs().mean(-1)[0]
    band = int(heard.argmax()) // network.PHASES
    edges = network._hertz(np.linspace(network._mel(80), network._mel(3900), 66))
    assert edges[band] < 1000 < edges[band + 2]


def test_frames_are_30_ms():
    model = network.new_model()
    field, hop = network.frame_geometry(model.config)
    assert hop == 480 and field == 1280
    assert (
        int(model._get_feat_extract_output_lengths(torch.tensor(16_000)))
        == (16_000 - field) // hop + 1
    )


def test_each_frame_bears_the_phone_spoken_in_it():
    labels = data.frame_phones(
        utterance(), before=0.0, tempo=1.0, frames=32, geometry=(960, 480), phone_ids=PHONES
    )
    times = (np.arange(32) * 480 + 480) / 16_000
    wanted = np.select([times <= 0.1, times <= 0.2, times <= 0.8], [0, 1, 2], 0)
    assert labels.tolist() == wanted.tolist()
    later = data.frame_phones(utterance(), 0.3, 1.0, 32, (960, 480), PHONES)
    assert later[:10].tolist() == [0] * 10 and 2 in later[-10:]


def test_a_batch_is_normalised_padded_and_labelled():
    rows = [utterance(1.0), utterance(0.7, "A TWO")]
    batch = data.collate(rows, network.CHARACTERS, (960, 480), PHONES, np.random.default_rng(0))
    assert batch["input_values"].shape == batch["attention_mask"].shape
    assert batch["input_values"].shape[1] % 8000 == 0
    assert batch["phones"].shape == (2, (batch["input_values"].shape[1] - 960) // 480 + 1)
    spelled = [network.CHARACTERS[i] for i in batch["labels"][1] if i >= 0]
    assert "".join(spelled) == "A|TWO"


def test_batches_hold_their_seconds_and_repeat_by_seed():
    rows = [utterance(seconds, seed=i) for i, seconds in enumerate(np.linspace(0.5, 4, 60))]
    drawn = [data.batches(rows, 8, np.random.default_rng(3)) for _ in range(2)]
    for _ in range(20):
        one, two = (next(batch) for batch in drawn)
        assert one == two or [u.text for u in one] == [u.text for u in two]
        assert sum(len(u.audio) for u in one) / 8000 <= 8


def test_a_held_out_sentence_is_held_out_for_every_voice():
    rows = [
        utterance(text=f"NUMBER {i % 300}", source=s)
        for i in range(300)
        for s in ("flite", "piper")
    ]
    rest, held = pretrain.split_off(rows)
    assert held and not {u.text for u in rest} & {u.text for u in held}
    assert len(rest) + len(held) == len(rows)


def test_phases_follow_one_another():
    seen = [pretrain.phase_of(done)[0] for done in np.linspace(0, 0.999, 1000)]
    assert list(dict.fromkeys(seen)) == ["ears", "frames", "heads", "characters"]
    rates = [pretrain.learning_rate("characters", p, 1000) for p in np.linspace(0, 1, 20)]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.02 * rates[0]


def test_heads_alone_learn_in_their_phase():
    net = pretrain.Pretraining(3, {"es-MX": ["<pad>", "A"]})
    net.model.wav2vec2.requires_grad_(False)
    batch = data.collate([utterance()], network.CHARACTERS, (960, 480), PHONES)
    loss, parts = net.loss(batch, "flite", "heads")
    loss.backward()
    assert list(parts) == ["ctc_flite"]
    assert all(weight.grad is None for weight in net.model.wav2vec2.parameters())
    assert net.model.lm_head.weight.grad is not None


@pytest.mark.slow
@pytest.mark.weekly
def test_pretraining_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    rows = [utterance(1.0, text="TWO " * (1 + i % 3) + "A", seed=i) for i in range(80)]
    audio = np.concatenate([u.audio for u in rows])
    np.savez(
        tmp_path / "flite-0000.npz", audio=audio, offsets=np.arange(81) * 8000,
        texts=np.array([u.text for u in rows]), phones=np.array(["pau t uw pau"] * 80),
        ends=np.array(["0.1 0.2 0.8 1.0"] * 80),
    )  # fmt: skip
    monkeypatch.setattr(pretrain, "LANGUAGES", ())
    monkeypatch.setattr(pretrain, "split_off", lambda rows: (rows, rows[:4]))
    monkeypatch.setattr(evaluate, "real_prompts", lambda *_: [])
    np.savez(tmp_path / "teacher.npz", mean=np.zeros(384), deviation=np.ones(384))
    monkeypatch.setattr(transplant, "encoder", lambda: whisper_weights(WhisperEncoder(WHISPER)))
    pretrain.main(tmp_path, 0.02)
    first = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    pretrain.main(tmp_path, 0.04)
    second = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["state"]
    assert second["step"] > first["step"] > 0
    assert second["history"][: len(first["history"])] == first["history"]
    assert json.loads((tmp_path / "history.json").read_text()) == second["history"]


def test_pretraining_goes_on_from_what_was_exported(tmp_path):
    from asr_helpers.corpus import FOLDER

    folder = FOLDER / "wav2vec2-tiny"
    history = json.loads((folder / "pretraining.json").read_text())
    letters = data.alphabets(data.real(pretrain.LANGUAGES, tmp_path))
    phones = load_file(folder / "pretraining_heads.safetensors")["phone_head.bias"]
    network_ = pretrain.Pretraining(len(phones), letters)
    state = pretrain.go_on_from(network_, folder)
    assert state["hours"] == history[-1]["hours"] > 50
    assert (
        network_.model.wav2vec2.feature_extractor.conv_layers[0].conv.weight.dtype == torch.float32
    )


WHISPER = WhisperConfig(
    d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536
)


def whisper_weights(model):
    """{name: weight} of a `transformers` Whisper encoder, named and fused as CTranslate2 does."""
    w = model.state_dict()
    found = {"position_encodings/encodings": w["embed_positions.weight"]}
    for name in ("conv1", "conv2"):
        found |= {f"{name}/{part}": w[f"{name}.{part}"] for part in ("weight", "bias")}
    norms = {"layer_norm": "layer_norm"}
    for i in range(model.config.encoder_layers):
        ours, theirs = f"layer_{i}", f"layers.{i}"
        attention = f"{theirs}.self_attn"
        silent = torch.zeros(384)  # Whisper's keys have no bias
        fused = [w[f"{attention}.{p}_proj.weight"] for p in "qkv"]
        biases = [w[f"{attention}.q_proj.bias"], silent, w[f"{attention}.v_proj.bias"]]
        found[f"{ours}/self_attention/linear_0/weight"] = torch.cat(fused)
        found[f"{ours}/self_attention/linear_0/bias"] = torch.cat(biases)
        for part in ("weight", "bias"):
            found[f"{ours}/self_attention/linear_1/{part}"] = w[f"{attention}.out_proj.{part}"]
            found[f"{ours}/ffn/linear_0/{part}"] = w[f"{theirs}.fc1.{part}"]
            found[f"{ours}/ffn/linear_1/{part}"] = w[f"{theirs}.fc2.{part}"]
        norms |= {f"{ours}/self_attention/layer_norm": f"{theirs}.self_attn_layer_norm"}
        norms |= {f"{ours}/ffn/layer_norm": f"{theirs}.final_layer_norm"}
    for ours, theirs in norms.items():
        found |= {f"{ours}/gamma": w[f"{theirs}.weight"], f"{ours}/beta": w[f"{theirs}.bias"]}
    return found


@torch.no_grad()
def test_our_layers_on_whispers_ears_are_whispers_encoder(monkeypatch):
    torch.manual_seed(0)
    whisper = WhisperEncoder(WHISPER).eval()
    for weight in whisper.parameters():
        weight.add_(torch.randn_like(weight) * 0.02)  # no norm stays at one, no bias at zero
    weights = whisper_weights(whisper)
    monkeypatch.setattr(transplant, "encoder", lambda: weights)
    model = network.new_model().wav2vec2.eval()
    transplant.transplant(model)

    wave = np.random.default_rng(0).normal(0, 1, 30 * 16_000).astype(np.float32)
    mel = WhisperFeatureExtractor()(wave * transplant.LOUDNESS, sampling_rate=16_000)
    wanted = whisper(torch.tensor(np.array(mel["input_features"]))).last_hidden_state
    hidden = transplant.ears(torch.tensor(wave)[None])
    places = weights["position_encodings/encodings"]
    hidden = hidden - places[: transplant.PLACES].mean(0) + places
    for layer in model.encoder.layers:
        hidden = layer(hidden)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    assert torch.allclose(model.encoder.layer_norm(hidden), wanted, atol=2e-3)


def test_a_model_file_is_read_and_another_version_refused(tmp_path):
    def text(name):
        return struct.pack("<H", len(name) + 1) + name.encode() + b"\0"

    arrays = {"encoder/a": np.arange(6, dtype="f2").reshape(2, 3), "b": np.array([7], "i4")}
    content = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, array in arrays.items():
        kind = transplant.DTYPES.index(array.dtype.str[1:])
        content += text(name) + struct.pack("<B", array.ndim)
        content += struct.pack(f"<{array.ndim}I", *array.shape)
        content += struct.pack("<BI", kind, array.nbytes) + array.tobytes()
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    found = transplant.variables(path)
    assert found.keys() == arrays.keys()
    assert all((found[name] == array).all() for name, array in arrays.items())
    path.write_bytes(struct.pack("<I", 5) + content[4:])
    with pytest.raises(ValueError, match="version 5; this reads version 6"):
        transplant.variables(path)


def test_our_convolutions_learn_what_whispers_feed_their_layers(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(transplant, "encoder", lambda: weights)
    weights = whisper_weights(WhisperEncoder(WHISPER))
    net = pretrain.Pretraining(3, {})
    rows = [utterance(1.0), utterance(0.7, "A TWO")]
    batch = data.collate(rows, network.CHARACTERS, (1280, 480), PHONES)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)
    losses = []
    for _ in range(15):
        loss, parts = net.loss(batch, "flite", "ears")
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(parts["ears"].item())
    assert losses[-1] < 0.7 * losses[0]
    assert net.model.wav2vec2.encoder.layers[0].attention.q_proj.weight.grad is None


def test_a_shard_is_written_whole_and_never_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "wordnet_examples", lambda: ["the cat sat on the mat"])
    monkeypatch.setitem(synthesise.SENTENCES, "flite", 8)
    spoken = []

    def speak(voice, sentence, seed):
        spoken.append(sentence)
        return np.ones(8000, np.int16), [("pau", 1.0)]

    monkeypatch.setattr(synthesise, "speak", speak)
    assert synthesise.shard(tmp_path, "flite", [], 0) == pytest.approx(8 / 3600)
    assert [path.name for path in tmp_path.iterdir()] == ["flite-0000.npz"]
    assert synthesise.shard(tmp_path, "flite", [], 0) == 0.0 and len(spoken) == 8
    assert {u.source for u in data.english(tmp_path)} == {"flite"}


def test_english_styles_are_read_and_their_lack_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("KOKORO_JS", str(tmp_path))
    synthesise._english_styles.cache_clear()
    with pytest.raises(FileNotFoundError, match="set KOKORO_JS"):
        synthesise._english_styles()
    (tmp_path / "voices").mkdir()
    for name in ("af_heart", "bm_george", "jf_alpha"):
        np.ones(510 * 256, np.float32).tofile(tmp_path / "voices" / f"{name}.bin")
    styles = synthesise._english_styles()
    synthesise._english_styles.cache_clear()
    assert sorted(styles) == ["af_heart", "bm_george"]
    assert styles["af_heart"].shape == (510, 256)


@pytest.mark.parametrize(
    ("prompt", "part"),
    [
        ("vm-goodbye", "voicemail"),
        ("digits/1", "digits"),
        ("hello", "general"),
        ("conf-full", "conference"),
    ],
)
def test_a_prompt_knows_its_part(prompt, part):
    assert build.part_of(prompt) == part


def test_the_source_texts_are_cleaned(tmp_path, monkeypatch):
    import gzip

    folder = tmp_path / "asterisk-core-sounds-en"
    folder.mkdir()
    lines = "; a comment\ndash: dash [-]\nbye: bye: Goodbye... (beep)\n\nnote: “Quoted.”\n"
    with gzip.open(folder / "core-sounds-en.txt.gz", "wt", encoding="utf-8") as out:
        out.write(lines)
    monkeypatch.setattr(build, "TEXTS", tmp_path)
    assert build.source_texts("en-US") == {"dash": "dash", "bye": "Goodbye", "note": "Quoted."}


def test_the_teachers_frames_keep_time():
    spoken = utterance(1.0)
    ramp = np.repeat(np.arange(50, dtype=np.int8)[:, None], teacher.WIDTH, 1)
    heard = data.Utterance(spoken.audio, "TWO", "queen", teacher=ramp)
    frames = data.teacher_frames(heard, before=0.3, tempo=1.1, frames=40, geometry=(1280, 480))
    centres = (np.arange(40) * 480 + 640) / 16_000 - 0.3
    wanted = np.clip(centres * 1.1 * 50, 0, 49) / teacher.SCALE
    assert frames.shape == (40, teacher.WIDTH) and np.allclose(frames[:, 7], wanted, atol=1e-5)


def test_a_student_learns_its_teachers_frames():
    torch.manual_seed(0)
    heard = np.random.default_rng(0).integers(-40, 40, (50, teacher.WIDTH)).astype(np.int8)
    row = data.Utterance(utterance().audio, "TWO", "queen", teacher=heard)
    short = data.Utterance(row.audio[:4000], "TWO", "queen", teacher=heard[:25])
    batch = data.collate([row, short], network.CHARACTERS, (1280, 480), PHONES)
    net = pretrain.Pretraining(3, {})
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        loss, parts = net.loss(batch, "queen", "characters")
        assert set(parts) == {"teacher", "ctc_queen"}
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(parts["teacher"].item())
    assert losses[-1] < 0.8 * losses[0]
    assert net.loss(batch, "queen", "heads")[1].keys() == {"ctc_queen"}


def test_utterances_share_the_teachers_window():
    rows = list(teacher.windows([100, 200, 150, 400, 499, 10]))
    assert rows == [[0, 1, 2], [3], [4], [5]]
    assert teacher.starts(np.array([0, 160, 161 + 160, 700])).tolist() == [0, 1, 3, 6]


def test_what_the_teacher_heard_lies_beside_the_shard(tmp_path, monkeypatch):
    spoken = []

    def encode(audio, to_cpu=False):
        spoken.append(len(audio))
        return np.random.default_rng(0).normal(5, 2, (1, 500, teacher.WIDTH)).astype(np.float32)

    monkeypatch.setattr(teacher, "encode", encode)
    monkeypatch.setattr(teacher, "LANGUAGES", ())
    lines = [
        (np.ones(8000, np.int16), "TURN TO THE SIDE"),
        (np.ones(4100, np.int16), "SAY SO SAY SO"),
    ]
    recorded.write(tmp_path / "queen-0000.npz", lines)
    assert [u.teacher for u in data.english(tmp_path)] == [None]  # the one said twice is dropped
    teacher.main(tmp_path)
    (kept,) = data.english(tmp_path)
    assert kept.teacher.shape == (50, teacher.WIDTH) and kept.teacher.dtype == np.int8
    assert abs(kept.teacher.mean()) < 5 and 25 < kept.teacher.std() < 40
    teacher.main(tmp_path)
    assert len(spoken) == 1  # heard once, both in one window


def test_a_transcript_the_recogniser_doubts_is_not_believed():
    assert recorded.fit("THE NUMBER YOU DIALED", -0.1, 1.5)
    for text, score, seconds in [
        ("THE NUMBER YOU DIALED", -0.6, 1.5),
        ("THE NUMBER YOU DIALED", -0.1, 0.5),
        ("A", -0.1, 3.0),
        ("", 0.0, 1.0),
    ]:
        assert not recorded.fit(text, score, seconds)
