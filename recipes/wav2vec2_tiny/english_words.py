"""Write the list of English words that ships with the course, for the language model of lesson 08.

    python -m recipes.wav2vec2_tiny.english_words

A word's count is how often it stands in WordNet: in the explanations and examples of its entries, as
the name of an entry, and in the texts in which WordNet's makers counted meanings (`cntlist.rev`).
Words with fewer than LEAST are left out. Only single words are kept, no sentence, so that no
transcript of the corpus can be among them as a whole, unless it is one word.
"""

import re
from collections import Counter
from pathlib import Path

from asr_helpers.language_model import ENGLISH_WORDS
from recipes.wav2vec2_tiny.texts import WORDNET

LEAST = 3
WORD = re.compile("[A-Z]+(?:'[A-Z]+)*")


def counts(folder: Path = WORDNET) -> Counter[str]:
    """{word: count} of WordNet's files in `folder`."""
    found = Counter()
    for part in ("adj", "adv", "noun", "verb"):
        for line in (folder / f"data.{part}").read_text("latin-1").splitlines():
            if line.startswith("  "):  # the licence, at the top of each file
                continue
            entry, _, gloss = line.partition("|")
            fields = entry.split()
            names = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
            found.update(WORD.findall(gloss.upper()))
            found.update(filter(WORD.fullmatch, (re.sub(r"\(.*\)", "", n).upper() for n in names)))
    for line in (folder / "cntlist.rev").read_text("latin-1").splitlines():
        key, _, times = line.split()
        if WORD.fullmatch(word := key.split("%")[0].upper()):
            found[word] += int(times)
    return found


def main():
    kept = sorted((word, count) for word, count in counts().items() if count >= LEAST)
    ENGLISH_WORDS.write_text("".join(f"{word} {count}\n" for word, count in kept), "utf-8")
    print(f"{ENGLISH_WORDS.name}: {len(kept)} words, {ENGLISH_WORDS.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
