"""Everything, in order: speak, transcribe, compute the frames, train the top, export.

Run it again after a kill and it goes on.

python -m recipes.wav2vec2_tiny.make WORK [HOURS]
"""

import sys

from recipes.wav2vec2_tiny import bank, export, recorded, synthesise, top
from recipes.wav2vec2_tiny.sky import sky

SHARDS = {"flite": 12, "kokoro_en": 5, "piper": 3}
NEURAL = ("kokoro_en", "piper")  # the fewest hours, and the most like people


def main(work, hours=130):
    for voice, shards in SHARDS.items():
        synthesise.main(work, voice, shards)
    recorded.main(work, (recorded.drascula, recorded.queen, sky))
    for variation in range(4):
        bank.main(work, variation, *(() if variation < 2 else NEURAL))
    top.main(work, hours)
    export.main(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
