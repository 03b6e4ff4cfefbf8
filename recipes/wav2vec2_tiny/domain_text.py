"""Write the domain text that ships with the course, for the language model of lesson 08.

    python -m recipes.wav2vec2_tiny.domain_text

One sentence a line, in the spelling of `asr_helpers.text.normalize`, from the same grammar that the
base model's speech was made from; WordNet's phrases are among them. None says what a split of the
corpus says.
"""

from asr_helpers.corpus import FOLDER
from asr_helpers.text import normalize
from recipes.wav2vec2_tiny.corpora import all_transcripts
from recipes.wav2vec2_tiny.texts import make

SENTENCES, SEED = 12_000, 7


def main():
    sentences = {normalize(s) for s in make(SENTENCES, SEED, all_transcripts())}
    path = FOLDER / "domain_text.txt"
    path.write_text("\n".join(sorted(sentences - {""})) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(sentences)} sentences, {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
