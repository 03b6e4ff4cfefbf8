"""Build the embedded corpus from Debian's asterisk-core-sounds packages.

    apt-get install asterisk-core-sounds-{en,es,fr,it,ru} asterisk-core-sounds-{en,es,fr,it,ru}-wav
    python -m recipes.corpus.build

`corrections.csv` says, clip by clip, which texts were mended (the new text) and which clips were
left out (no text), and why.
"""

import csv
import gzip
import io
import re
from pathlib import Path

import datasets
import soundfile

from asr_helpers.corpus import FOLDER
from asr_helpers.text import normalize

SOUNDS, TEXTS = Path("/usr/share/asterisk/sounds"), Path("/usr/share/doc")
LANGUAGES = {
    "en-US": "en_US_f_Allison",
    "es-MX": "es_MX_f_Allison",
    "fr-CA": "fr_CA_f_June",
    "it-IT": "it_IT_m_Carlo",
    "ru-RU": "ru_RU_f_IvrvoiceRU",
}
# The part of the telephone system, by what a prompt's name begins with.
PARTS = {
    "agent": "agents", "conf": "conference", "demo": "demo", "dictate": "dictation",
    "digits": "digits", "dir-": "directory", "followme": "follow_me", "letters": "letters",
    "phonetic": "phonetic_alphabet", "priv": "privacy", "screen": "privacy", "queue": "queue",
    "spy": "channels", "tt-": "telemarketers", "vm-": "voicemail",
}  # fmt: skip
CLASSES = sorted({*PARTS.values(), "general"})
ENCODING = {"en-US": ("FLAC", "PCM_16")}  # lossless where scores are taken
LOSSY = ("OGG", "OPUS")  # about 20 kbit/s at the level below
FEATURES = datasets.Features(
    {
        "path": datasets.Value("string"),
        "audio": datasets.Audio(),
        "transcription": datasets.Value("string"),
        "english_transcription": datasets.Value("string"),
        "intent_class": datasets.ClassLabel(names=CLASSES),
        "lang_id": datasets.ClassLabel(names=sorted(LANGUAGES)),
    }
)
NO_SPEECH = re.compile(r"silence/|beep|-2tone$|confbridge-(join|leave)$|monkeys$")


def source_texts(language):
    """{prompt: its text in the package}, notes in brackets and dots of omission removed."""
    name = f"core-sounds-{language[:2]}.txt.gz"
    path = TEXTS / f"asterisk-core-sounds-{language[:2]}" / name
    texts = {}
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            prompt, colon, text = line.partition(":")
            if colon and not line.startswith(";"):
                text = re.sub(r"\[.*?\]|\(.*?\)|<.*?>|\.\.\.|…", " ", text)
                text = text.removeprefix(f" {prompt}:")  # some lines name their prompt twice
                texts[prompt.strip()] = " ".join(text.split()).strip('"“” ')
    return texts


def corrections(language):
    """{prompt: its true text, or None where the clip is left out}."""
    with (Path(__file__).parent / "corrections.csv").open(newline="", encoding="utf-8") as rows:
        found = [row for row in csv.DictReader(rows) if row["language"] == language]
    return {row["prompt"]: row["transcription"] or None for row in found}


def transcripts(language):
    """{prompt: transcript} of every clip that has speech, a text, and a place in the corpus."""
    texts = source_texts(language) | corrections(language)
    folder = SOUNDS / LANGUAGES[language]
    prompts = sorted(str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.wav"))
    return {
        prompt: texts[prompt]
        for prompt in prompts
        if texts.get(prompt) and not NO_SPEECH.search(prompt) and normalize(texts[prompt], language)
    }


def part_of(prompt):
    return next((part for start, part in PARTS.items() if prompt.startswith(start)), "general")


def encoded(language, prompt):
    samples, rate = soundfile.read(SOUNDS / LANGUAGES[language] / f"{prompt}.wav", dtype="int16")
    container, codec = ENCODING.get(language, LOSSY)
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=container, subtype=codec, compression_level=0.96)
    return out.getvalue()


def rows(language):
    english = transcripts("en-US")
    kind = ENCODING.get(language, LOSSY)[1].replace("PCM_16", "flac").lower()
    for prompt, text in transcripts(language).items():
        path = f"{language}/{prompt}.{kind}"
        yield {
            "path": path,
            "audio": {"bytes": encoded(language, prompt), "path": path},
            "transcription": text,
            "english_transcription": english.get(prompt, ""),
            "intent_class": CLASSES.index(part_of(prompt)),
            "lang_id": sorted(LANGUAGES).index(language),
        }


def main():
    import pyarrow as pa
    import pyarrow.parquet as pq

    for language in LANGUAGES:
        table = pa.Table.from_pylist(list(rows(language)), schema=FEATURES.arrow_schema)
        path = FOLDER / f"{language}.parquet"
        pq.write_table(table, path, row_group_size=100)
        size = path.stat().st_size / 1e6
        print(f"{language}: {len(table)} clips, {size:.1f} MB")


if __name__ == "__main__":
    main()
