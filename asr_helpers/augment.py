"""Data augmentation: vary an utterance as if it came from another telephone call."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
from scipy.fft import next_fast_len


@dataclass
class Augment:
    """Vary the speed (and with it the pitch), the pause in front, the tone and the noise.

    Calling it takes and returns float32 samples of shape (samples,), with mean 0 and variance 1 on
    return. The random numbers depend only on `seed` and `draw`, a few whole numbers such as (epoch,
    row), and not on earlier calls. So a resumed training gets the same variations as an
    uninterrupted one, with any number of worker processes.

    Attributes:
        rate: samples a second.
        seed: with `draw`, it seeds NumPy's generator.
        tempo: the least and the greatest factor of the speed.
        pause: seconds of silence in front, at most.
        tone: the standard deviation of a random equaliser's gains, in dB.
        noise: the level of white noise below the speech, in dB; one utterance in three gets noise.
    """

    rate: int
    seed: int
    tempo: tuple[float, float] = (0.88, 1.12)
    pause: float = 0.3
    tone: float = 3.0
    noise: tuple[float, float] = (20.0, 40.0)

    def __call__(
        self, array: np.ndarray, draw: Sequence[int] = (), shortest: int = 0
    ) -> np.ndarray:
        """One variation of `array`.

        Args:
            array: float samples of shape (samples,).
            draw: chooses the variation.
            shortest: the fewest samples that the result may have, so that a label still fits its frames.
                A clip that is shorter already is not made any shorter.
        """
        random = np.random.default_rng([self.seed, *draw])
        array = np.asarray(array, dtype=np.float32)
        shortest = min(shortest, len(array))
        # Resampling from a higher rate than the clip's gives fewer samples: faster speech.
        fastest = len(array) / shortest if shortest else np.inf
        factor = min(random.uniform(*self.tempo), fastest)
        array = soxr.resample(array, self.rate * factor, self.rate, "MQ")
        # The equaliser: nine gains, spread evenly over the spectrum, with straight lines between.
        # A length with a large prime factor would take a hundred times as long to transform.
        length, size = len(array), next_fast_len(len(array), real=True)
        spectrum = np.fft.rfft(array, size)
        bands = np.linspace(0, len(spectrum) - 1, 9)
        gain = np.interp(np.arange(len(spectrum)), bands, random.normal(0, self.tone, 9))
        array = np.fft.irfft(spectrum * 10 ** (gain / 20), size)[:length]
        if random.random() < 1 / 3:
            level = array.std() * 10 ** (-random.uniform(*self.noise) / 20)
            array = array + random.normal(0, level, len(array))
        # Resampling rounds: the pause makes up for a sample that is missing.
        pause = int(random.uniform(0, self.pause) * self.rate)
        silence = np.zeros(max(pause, shortest - len(array)))
        array = np.concatenate([silence, array])
        return ((array - array.mean()) / (array.std() + 1e-7)).astype(np.float32)
