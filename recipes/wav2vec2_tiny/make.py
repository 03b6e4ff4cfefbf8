"""Everything, in order: speak, transcribe, hear as the teacher hears, pretrain, export.

Run it again after a kill and it goes on.

python -m recipes.wav2vec2_tiny.make WORK [HOURS]
"""

import sys

from recipes.wav2vec2_tiny import export, pretrain, recorded, synthesise, teacher

SHARDS = {"flite": 20, "piper": 11, "kokoro_en": 6}


def main(work, hours=180):
    for voice, shards in SHARDS.items():
        synthesise.main(work, voice, shards)
    recorded.main(work)
    teacher.main(work)
    pretrain.main(work, hours)
    export.main(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
