"""Every lesson as papermill runs it with the hub's profile, in few steps; each week the solutions, too.

The Hub is a local one that holds look-alikes; what the lessons push to it is then read back.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from asr_helpers.profiles import load_profile

pytestmark = [pytest.mark.hub, pytest.mark.slow]
ROOT = Path(__file__).parent.parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
MARKED = "hf_MARKEDmarkedMARKED"
READ_BACK = """
    import json
    from transformers import AutoModelForCTC, AutoProcessor, pipeline
    from asr_helpers.audio import Audio
    from asr_helpers.corpus import load_corpus
    from asr_helpers.inference import transcribe
    from asr_helpers.profiles import load_profile

    profile = load_profile("hub_smoke")
    corpus = load_corpus(profile.corpus, profile.language, profile.revision, profile.seed)
    test = corpus["test"].cast_column("audio", Audio(sampling_rate=profile.sampling_rate))
    sound = test[0]["audio"]["array"]
    speech = pipeline("automatic-speech-recognition", model="ann/SHARED")
    piped = speech({"array": sound, "sampling_rate": profile.sampling_rate})["text"]
    processor = AutoProcessor.from_pretrained("ann/SHARED")
    model = AutoModelForCTC.from_pretrained("ann/SHARED").eval()
    print(json.dumps([piped, *transcribe(model, processor, [sound])]))
"""


@pytest.fixture(scope="module")
def profile():
    return load_profile("hub_smoke")


@pytest.fixture(params=["lessons", pytest.param("solutions, too", marks=pytest.mark.weekly)])
def executed(request, local_hub, profile, tmp_path):
    """What running the notebooks printed, logged in with a marked token that may write."""
    local_hub.tokens[MARKED] = ("ann", "write")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    own = {"HF_ENDPOINT": local_hub.endpoint, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "*"}
    command = [sys.executable, "-m", "tools.run_lessons", "--profile", profile.name, "--jobs", "2"]
    if request.param == "lessons":
        command += ["--until", LESSONS[-1].name]
    return subprocess.run(
        command, env=kept | own | {"HF_TOKEN": MARKED}, cwd=ROOT, capture_output=True, text=True
    )


def test_all_lessons_run_with_the_hub_and_what_they_share_can_be_used(
    executed, local_hub, profile, client, tmp_path
):
    assert executed.returncode == 0, executed.stdout + executed.stderr
    assert all(f"{lesson.name}\n" in executed.stdout for lesson in LESSONS)
    assert not local_hub.unknown
    assert local_hub.asked(f"/datasets/{profile.corpus}.*{profile.revision}")

    name = f"ann/{profile.share_as}"
    arrived = local_hub.files(name)
    card = ModelCard(arrived["README.md"].decode())
    scores = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert {"wer", "cer"} == set(scores) and card.data.license == "cc-by-4.0"

    read_back = client(local_hub, READ_BACK.replace("SHARED", profile.share_as))
    assert not read_back.returncode, read_back.stderr
    piped, by_hand = json.loads(read_back.stdout.splitlines()[-1])
    assert piped.strip() == by_hand.strip()

    written = [ROOT / "build", profile.artifacts, tmp_path / "home"]
    files = [path for folder in written for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert not [str(path) for path in files if MARKED.encode() in path.read_bytes()]
    assert not any(MARKED.encode() in data for data in arrived.values())
    assert MARKED not in executed.stdout + executed.stderr
