"""Sound that libsndfile does not decode, such as M4A and WebM, by PyAV or by FFmpeg."""

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

PATIENCE = 120.0  # seconds that FFmpeg may take


def has_pyav():
    """Whether PyAV (`pip install av`) is installed and loads."""
    try:
        import av  # noqa: F401
    except (ImportError, OSError):  # the latter: a library that it links to is missing
        return False
    return True


def ffmpeg():
    """The path of the program ffmpeg, or None."""
    return shutil.which("ffmpeg")


class PyavSound:
    """The first sound stream of an open file: `rate`, `channels`, and `blocks()` as often as wanted.

    Raises:
        ValueError: the file holds no sound, or PyAV cannot decode it.
    """

    def __init__(self, file, kind):
        self.file, self.kind = file, kind
        block = next(self.blocks(), None)
        if block is None:
            raise ValueError("it holds no sound")
        self.channels = block.shape[1]

    def blocks(self):
        """Float32 arrays of shape (frames, channels), one after another."""
        import av

        self.file.seek(0)
        try:
            with av.open(self.file, format=self.kind.demuxer, timeout=PATIENCE) as container:
                if not container.streams.audio:
                    return
                stream = container.streams.audio[0]
                self.rate = stream.codec_context.sample_rate or stream.rate
                convert = av.AudioResampler(format="fltp", layout=stream.layout, rate=self.rate)
                for frame in container.decode(stream):
                    frame.time_base = frame.time_base or Fraction(1, self.rate)
                    for made in convert.resample(frame):
                        yield made.to_ndarray().T
                for made in convert.resample(None):
                    yield made.to_ndarray().T
        except (av.FFmpegError, av.error.InvalidDataError, OverflowError) as error:
            raise ValueError(getattr(error, "strerror", None) or str(error)) from error


@contextmanager
def by_ffmpeg(file, kind, seconds):
    """Let the program ffmpeg decode an open file into a WAV file, whose path the context gives.

    No more than `seconds` are decoded, and none but the file itself is read.

    Raises:
        ValueError: ffmpeg cannot decode it, or takes longer than `PATIENCE`.
    """
    with tempfile.TemporaryDirectory(prefix="asr-course-") as folder:
        source, wave = Path(folder) / "source", Path(folder) / "sound.wav"
        file.seek(0)
        with source.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        command = [
            ffmpeg(), "-nostdin", "-v", "error", "-protocol_whitelist", "file",
            "-f", kind.demuxer, "-i", str(source), "-map", "0:a:0", "-t", str(seconds),
            "-c:a", "pcm_f32le", "-f", "wav", str(wave),
        ]  # fmt: skip
        try:
            result = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"ffmpeg took longer than {PATIENCE:.0f} s") from error
        if result.returncode or not wave.exists():
            lines = result.stderr.decode(errors="replace").strip().splitlines() or [
                "no reason given"
            ]
            raise ValueError(f"ffmpeg: {lines[-1].replace(str(source), 'the file')}")
        yield wave
