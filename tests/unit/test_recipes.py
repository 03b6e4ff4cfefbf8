"""How the embedded corpus and the base model were made: small runs of the same code."""

import struct

import numpy as np
import pytest
import torch
from transformers import WhisperConfig

from asr_helpers.text import normalize
from recipes.corpus import build
from recipes.wav2vec2_tiny import (
    bank,
    corpora,
    english_words,
    recorded,
    synthesise,
    texts,
    transplant,
)


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


def test_every_slot_of_the_grammar_can_be_filled():
    import random

    rng = random.Random(0)
    for _, template in [*texts.TEMPLATES, *texts.SHORT]:
        assert "{" not in texts.fill(template, rng)


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


def test_a_shard_is_written_whole_and_never_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "wordnet_examples", lambda: ["the cat sat on the mat"])
    monkeypatch.setitem(synthesise.SENTENCES, "flite", 8)
    spoken = []

    def speak(voice, sentence, seed):
        spoken.append(sentence)
        return np.ones(8000, np.int16)

    monkeypatch.setattr(synthesise, "speak", speak)
    assert synthesise.shard(tmp_path, "flite", [], 0) == pytest.approx(8 / 3600)
    assert [path.name for path in tmp_path.iterdir()] == ["flite-0000.npz"]
    assert synthesise.shard(tmp_path, "flite", [], 0) == 0.0 and len(spoken) == 8
    shard = tmp_path / "flite-0000.npz"
    kept = bank.utterances_of(shard, texts.Forbidden(["the cat sat on the mat"]))
    assert kept and {u.source for u in kept} == {"flite"}
    assert "THE CAT SAT ON THE MAT" not in {u.text for u in kept}


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


def test_a_transcript_the_recogniser_doubts_is_not_believed():
    assert recorded.fit("THE NUMBER YOU DIALED", -0.1, 1.5)
    for text, score, seconds in [
        ("THE NUMBER YOU DIALED", -0.6, 1.5),
        ("THE NUMBER YOU DIALED", -0.1, 0.5),
        ("A", -0.1, 3.0),
        ("", 0.0, 1.0),
    ]:
        assert not recorded.fit(text, score, seconds)


def test_english_words_are_counted_in_glosses_names_and_counted_meanings(tmp_path):
    for part in ("adj", "adv", "noun", "verb"):
        (tmp_path / f"data.{part}").write_text("  1 The licence.\n")
    (tmp_path / "data.verb").write_text(
        "  1 The licence.\n00001740 29 v 02 respire 0 take_a_breath 0 000 | it doesn't respire\n"
    )
    (tmp_path / "cntlist.rev").write_text("respire%2:29:00:: 1 25\ntake_a_breath%2:29:00:: 1 4\n")
    found = english_words.counts(tmp_path)
    assert found == {"RESPIRE": 27, "IT": 1, "DOESN'T": 1}
