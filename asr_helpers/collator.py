"""Utterances to batches: alike in length, varied anew each time, padded each side in its own way."""

from dataclasses import dataclass

import numpy as np
import soxr
import torch


@dataclass
class Augment:
    """Vary a waveform as another call would: tempo, pause, tone of the line, noise.

    `__call__` takes and gives float32 samples of shape (samples,). What it draws follows from the
    seed and from `draw`, a few whole numbers such as (epoch, row), and from nothing before it: so
    a training that was interrupted and resumed hears what an uninterrupted one hears.
    """

    rate: int
    seed: int
    tempo: tuple = (0.88, 1.12)
    pause: float = 0.3  # seconds of silence in front, at most
    tone: float = 3.0  # dB, the spread of a random equaliser
    noise: tuple = (20.0, 40.0)  # dB below the speech, in one of three

    def __call__(self, array, draw=()):
        random = np.random.default_rng([self.seed, *draw])
        array = np.asarray(array, dtype=np.float32)
        array = soxr.resample(array, self.rate * random.uniform(*self.tempo), self.rate, "MQ")
        spectrum = np.fft.rfft(array)
        bands = np.linspace(0, len(spectrum) - 1, 9)
        gain = np.interp(np.arange(len(spectrum)), bands, random.normal(0, self.tone, 9))
        array = np.fft.irfft(spectrum * 10 ** (gain / 20), len(array))
        if random.random() < 1 / 3:
            level = array.std() * 10 ** (-random.uniform(*self.noise) / 20)
            array = array + random.normal(0, level, len(array))
        silence = np.zeros(int(random.uniform(0, self.pause) * self.rate))
        array = np.concatenate([silence, array])
        return ((array - array.mean()) / (array.std() + 1e-7)).astype(np.float32)


def rounded_up(length, step):
    """The least of few lengths, 8 to an octave or fewer, that holds `length` samples."""
    while length > 8 * step:
        step *= 2
    return -(-length // step) * step


@dataclass
class DataCollatorCTCWithPadding:
    """Pad utterances to one batch: `input_values` with silence, `labels` with -100.

    Args:
        processor: pads each side in its own way.
        step: samples; lengths are rounded up to a multiple of it, of twice it from 8 steps on, of
            four times it from 16 on, and so forth. A CPU prepares a kernel for each new shape, which
            costs as much as using it: few distinct lengths are quick. None rounds nothing.
        augment: applied to each utterance first, with the row's `draw` if it has one; or None.

    Returns (from a call on a list of prepared rows):
        input_values (batch, samples), attention_mask of the same shape where the processor makes
        one, and labels (batch, letters), whose -100 the loss does not count.
    """

    processor: object
    step: int | None = None
    augment: Augment | None = None

    def __call__(self, rows):
        inputs = [{"input_values": self._varied(row)} for row in rows]
        longest = max(len(row["input_values"]) for row in inputs)
        batch = self.processor.pad(
            inputs,
            padding="max_length",
            max_length=rounded_up(longest, self.step) if self.step else longest,
            return_tensors="pt",
        )
        targets = [{"input_ids": row["labels"]} for row in rows]
        labels = self.processor.pad(labels=targets, padding=True, return_tensors="pt")
        batch["labels"] = labels["input_ids"].masked_fill(labels["attention_mask"].ne(1), -100)
        return batch

    def _varied(self, row):
        values = row["input_values"]
        return self.augment(values, row.get("draw", ())) if self.augment else np.asarray(values)


SIZES = [k * 2**octave for octave in range(12) for k in (2, 3)] + [1]  # 1, 2, 3, 4, 6, 8, 12, ...


class SecondsBatchSampler(torch.utils.data.Sampler):
    """Batches of utterances of like length that hold about equal seconds of audio.

    An utterance longer than `seconds` is a batch of its own. Each pass shuffles anew, by `seed`
    and the pass's number.
    """

    def __init__(self, lengths, rate, seconds, seed):
        self.lengths = np.asarray(lengths) / rate
        self.seconds, self.seed, self.epoch = seconds, seed, 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def batches(self):
        random = np.random.default_rng([self.seed, self.epoch])
        # Lengths are blurred a little before sorting, so that neighbours differ between passes.
        order = np.argsort(self.lengths * random.uniform(0.8, 1.2, len(self.lengths)))
        batches, batch = [], []
        for row in order.tolist():
            longest = max((self.lengths[r] for r in [*batch, row]), default=0)
            if batch and longest * (len(batch) + 1) > self.seconds:
                # Few distinct sizes, too: 1, 2, 3, 4, 6, 8, 12, ... The rest begins the next batch.
                size = max(n for n in SIZES if n <= len(batch))
                batches.append(batch[:size])
                batch = batch[size:]
            batch.append(row)
        batches.append(batch)
        return [batches[i] for i in random.permutation(len(batches))]

    def __iter__(self):
        yield from self.batches()

    def __len__(self):
        return len(self.batches())


class DrawnRows(torch.utils.data.Dataset):
    """A dataset's rows, each with its `draw`: the sampler's epoch and the row's number."""

    def __init__(self, rows, sampler):
        self.rows, self.sampler = rows, sampler

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, row):
        return {**self.rows[row], "draw": (self.sampler.epoch, row)}
