"""Everything, in order: speak, transcribe, compute the frames, train the top, export.

Run it again after a kill and it goes on.

python -m recipes.wav2vec2_whisper.make WORK [HOURS]
"""

import sys

from recipes.wav2vec2_tiny import recorded, synthesise
from recipes.wav2vec2_whisper import bank, export, top
from recipes.wav2vec2_whisper.sky import sky

SHARDS = {"flite": 12, "kokoro_en": 2}


def main(work, hours=120):
    for voice, shards in SHARDS.items():
        synthesise.main(work, voice, shards)
    recorded.main(work, (recorded.drascula, recorded.queen, sky))
    for variation in range(2):
        bank.main(work, variation)
    top.main(work, hours)
    export.main(work, f"{work}/model")


if __name__ == "__main__":
    main(*sys.argv[1:])
