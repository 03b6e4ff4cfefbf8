"""Every knob of the course, a set of them for each place it runs in."""

from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Profile:
    """What the lessons read. Lengths are in seconds, rates in Hz, steps in optimiser updates."""

    name: str
    corpus: str
    language: str
    base_model: str
    sampling_rate: int
    seed: int
    licence: str  # of a model fine-tuned so: the corpus's and the base model's decide it
    batch_seconds: float  # audio in a training batch
    pad_seconds: float  # batches are padded to few lengths, multiples of it
    heart_steps: int  # to learn eight clips by heart, the check before anything long
    head_steps: int  # updates of the new head alone, on the frozen encoder's kept outputs
    head_learning_rate: float
    learning_rate: float
    warmup_steps: int
    max_steps: int
    eval_steps: int
    patience: int  # evaluations without a better WER before training stops early
    weight_decay: float
    mask_time_prob: float
    mask_time_length: int  # frames
    mask_feature_prob: float
    mask_feature_length: int
    artifacts: Path


OFFLINE = Profile(
    name="offline",
    corpus="telephone-prompts",
    language="en-US",
    base_model=str(ROOT / "asr_helpers" / "data" / "wav2vec2-tiny"),
    sampling_rate=16_000,
    seed=42,
    licence="cc-by-sa-3.0",
    batch_seconds=24.0,
    pad_seconds=0.5,
    heart_steps=40,
    head_steps=250,
    head_learning_rate=5e-3,
    learning_rate=8e-4,
    warmup_steps=40,
    max_steps=950,
    eval_steps=190,
    patience=3,
    weight_decay=0.01,
    mask_time_prob=0.06,
    mask_time_length=4,
    mask_feature_prob=0.04,
    mask_feature_length=16,
    artifacts=ROOT / "artifacts",
)
PROFILES = {
    "offline": OFFLINE,
    # The same, in the fewest steps that still run every line.
    "smoke": replace(
        OFFLINE, name="smoke", head_steps=20, max_steps=6, eval_steps=3, warmup_steps=1,
        artifacts=ROOT / "artifacts" / "smoke",
    ),
}  # fmt: skip


def load_profile(name):
    """The profile of that name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if name not in PROFILES:
        raise ValueError(f"No profile {name!r}: set PROFILE to one of {', '.join(PROFILES)}.")
    return PROFILES[name]
