"""What pretraining takes from the corpus: prompts to score, and transcripts not to be spoken."""

from asr_helpers.audio import Audio
from asr_helpers.corpus import languages, load_corpus
from asr_helpers.text import normalize


def all_transcripts():
    """Every English text of every split of every language, normalised: none may be spoken."""
    found = set()
    for language in languages():
        for split in load_corpus(language=language).values():
            found |= {normalize(text, "en-US") for text in split["english_transcription"]}
            if language == "en-US":
                found |= {normalize(text, language) for text in split["transcription"]}
    return sorted(found - {""})


def real_prompts(language, split, sampling_rate):
    """[(int16 samples at `sampling_rate` Hz, normalised transcript)] of one split."""
    prompts = load_corpus(language=language)[split]
    prompts = prompts.cast_column("audio", Audio(sampling_rate=sampling_rate))
    return [
        ((row["audio"]["array"] * 32767).astype("int16"), normalize(row["transcription"], language))
        for row in prompts
    ]
