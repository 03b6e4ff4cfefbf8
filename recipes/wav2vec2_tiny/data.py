"""Utterances for pretraining, distorted at random, in batches of about equal seconds.

Four kinds: synthetic with phone times (flite), synthetic with text only (the other voices), recorded
English with Whisper's transcripts, and the real prompts of the other languages' training splits,
each language with an alphabet of its own. All bring what Whisper's encoder made of them.
"""

import math
from dataclasses import dataclass

import numpy as np
import soxr
import torch

from recipes.wav2vec2_tiny import teacher
from recipes.wav2vec2_tiny.corpora import all_transcripts, short_prompts
from recipes.wav2vec2_tiny.network import CHARACTERS, RATE
from recipes.wav2vec2_tiny.texts import Forbidden

STORED_RATE = 8000
RECORDED = ("queen", "drascula")
VOICES = ("flite", "piper", "kokoro_en", *RECORDED)
PAD = 0.05  # seconds of silence behind each utterance, and before it where nothing is random
STEP = 0.5  # seconds; batches are padded to a multiple of it


@dataclass(frozen=True)
class Utterance:
    audio: np.ndarray  # int16, 8 kHz
    text: str
    source: str  # a voice, or a language
    phones: tuple = ()
    ends: tuple = ()  # seconds
    teacher: np.ndarray | None = None  # int8 (frames of 20 ms, 384)


def english(work):
    """Every utterance of the shards, synthetic or recorded, that says no sentence of the corpus."""
    forbidden, utterances = Forbidden(all_transcripts()), []
    for path in sorted(work.glob("*-[0-9]*.npz")):
        with np.load(path) as shard:
            audio, offsets = shard["audio"], shard["offsets"]
            texts, phones, ends = shard["texts"], shard["phones"], shard["ends"]
        heard = teacher.of(path, offsets)
        for k, text in enumerate(texts.tolist()):
            if text not in forbidden and not repeated(text):
                clip = audio[offsets[k] : offsets[k + 1]]
                times = tuple(map(float, ends[k].split()))
                voice = path.name.split("-")[0]
                names = tuple(phones[k].split())
                utterances.append(Utterance(clip, text, voice, names, times, heard[k]))
    return utterances


def repeated(text):
    """Whether a transcript says everything twice, as Whisper may of a short clip."""
    words = text.split()
    half = len(words) // 2
    return half > 0 and words[:half] == words[half:]


def real(languages, work):
    """The training-split prompts of other languages, of those that one window of the teacher holds."""
    utterances = []
    for language in languages:
        prompts = short_prompts(language)
        offsets = np.cumsum([0, *(len(audio) for audio, _ in prompts)])
        heard = teacher.of(work / f"{language}.npz", offsets)
        for (audio, text), features in zip(prompts, heard):
            utterances.append(Utterance(audio, text, language, teacher=features))
    return utterances


def alphabets(utterances):
    """{source: its characters}: English's 32 for the voices, sorted letters of its own for a language."""
    found = {}
    for utterance in utterances:
        found.setdefault(utterance.source, set()).update(utterance.text.replace(" ", "|"))
    return {
        source: CHARACTERS if source in VOICES else ["<pad>", *sorted(letters)]
        for source, letters in sorted(found.items())
    }


def distort(audio, rng):
    """Another room, handset and line: a random equaliser, noise, and now and then clipping."""
    spectrum = np.fft.rfft(audio)
    points = np.linspace(0, len(spectrum) - 1, 9)
    gains = np.interp(np.arange(len(spectrum)), points, rng.normal(0, 4, 9))
    audio = np.fft.irfft(spectrum * 10 ** (gains / 20), len(audio))
    level = audio.std() + 1e-6
    if rng.random() < 0.3:
        audio = audio + rng.normal(0, level * 10 ** -rng.uniform(0.75, 2), len(audio))
    if rng.random() < 0.05:
        audio = np.clip(audio, -rng.uniform(1.5, 4) * level, rng.uniform(1.5, 4) * level)
    return audio


def waveform(utterance, rng):
    """(samples at 16 kHz, seconds of silence put before, tempo); `rng` None leaves it as it is."""
    audio, tempo, before = utterance.audio / np.float32(32768), 1.0, PAD
    if rng is not None:
        tempo = rng.uniform(0.86, 1.16)
        before = rng.uniform(0, 0.3)
        audio = distort(audio, rng)
    audio = soxr.resample(audio.astype(np.float32), STORED_RATE * tempo, RATE, quality="MQ")
    silence = [np.zeros(int(s * RATE), np.float32) for s in (before, PAD)]
    audio = np.concatenate([silence[0], audio, silence[1]])
    return (audio - audio.mean()) / (audio.std() + 1e-5), before, tempo


def frame_phones(utterance, before, tempo, frames, geometry, phone_ids):
    """The phone spoken at each frame's centre; silence where there is none."""
    field, hop = geometry
    centres = (np.arange(frames) * hop + field / 2) / RATE - before
    which = np.searchsorted(np.array(utterance.ends) / tempo, centres)
    names = [*utterance.phones, "pau"]
    labels = np.array([phone_ids[name] for name in names])[np.minimum(which, len(names) - 1)]
    labels[centres < 0] = phone_ids["pau"]
    return labels


def teacher_frames(utterance, before, tempo, frames, geometry):
    """(frames, 384) of the teacher at each frame's centre, between its two nearest of 20 ms."""
    field, hop = geometry
    centres = (np.arange(frames) * hop + field / 2) / RATE - before
    last = len(utterance.teacher) - 1
    at = np.clip(centres * tempo * 50, 0, last)
    below = at.astype(int)
    share = (at - below)[:, None].astype(np.float32)
    above = np.minimum(below + 1, last)
    between = (1 - share) * utterance.teacher[below] + share * utterance.teacher[above]
    return between / np.float32(teacher.SCALE)


def collate(utterances, characters, geometry, phone_ids, rng=None):
    """A batch: input_values, attention_mask (batch, samples); labels; phones (batch, frames)."""
    waves = [waveform(u, rng) for u in utterances]
    lengths = torch.tensor([len(w) for w, _, _ in waves])
    longest = math.ceil(lengths.max() / RATE / STEP) * int(STEP * RATE)
    values = torch.zeros(len(waves), longest)
    for row, (wave, _, _) in zip(values, waves):
        row[: len(wave)] = torch.from_numpy(wave)
    ids = {c: i for i, c in enumerate(characters)}
    labels = [[ids[c] for c in u.text.replace(" ", "|")] for u in utterances]
    batch = {
        "input_values": values,
        "attention_mask": (torch.arange(longest)[None] < lengths[:, None]).long(),
        "labels": torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(row) for row in labels], batch_first=True, padding_value=-100
        ),
    }
    field, hop = geometry
    frames = (longest - field) // hop + 1
    if all(u.teacher is not None for u in utterances):
        targets = np.zeros((len(waves), frames, teacher.WIDTH), np.float32)
        for row, utterance, (wave, before, tempo) in zip(targets, utterances, waves):
            spoken = max((len(wave) - field) // hop + 1, 0)
            row[:spoken] = teacher_frames(utterance, before, tempo, spoken, geometry)
        batch["teacher"] = torch.from_numpy(targets)
    if utterances[0].phones:
        phones = np.full((len(waves), frames), -100)
        for row, utterance, (wave, before, tempo) in zip(phones, utterances, waves):
            spoken = max((len(wave) - field) // hop + 1, 0)
            row[:spoken] = frame_phones(utterance, before, tempo, spoken, geometry, phone_ids)
        batch["phones"] = torch.from_numpy(phones)
    return batch


def batches(utterances, seconds, rng):
    """Endless lists of utterances of like length, up to `seconds` of audio each, shuffled anew.

    All batches of a length have one size, so that only some hundred shapes occur in all: oneDNN
    prepares a kernel for each new shape, which costs more than the step itself.
    """
    waiting = {}
    while True:
        for i in rng.permutation(len(utterances)):
            steps = -(-len(utterances[i].audio) // int(STEP * STORED_RATE))
            bucket = waiting.setdefault(steps, [])
            bucket.append(utterances[i])
            if len(bucket) == max(1, int(seconds / (STEP * steps))):
                yield waiting.pop(steps)
