"""Tests of the local Hub that other tests use, and of what the real clients do with it."""

import json
import time
import urllib.error
import urllib.request
from http.client import IncompleteRead
from io import BytesIO

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from local_hub import LocalHub

from asr_helpers.profiles import load_profile

pytestmark = pytest.mark.hub
PINNED = load_profile("hub").revision


@pytest.fixture
def small(tmp_path):
    """A Hub with ann/small, 100 kB of weights and a card, its cache beside it."""
    folder = tmp_path / "small"
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("# Small\n")
    (folder / "sub" / "a.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(range(250)) * 400)
    with LocalHub() as hub:
        hub.tokens = {t: ("ann", t.removeprefix("hf_")) for t in ("hf_write", "hf_read", "hf_none")}
        hub.add("ann/small", folder)
        yield hub


def get(address, token=None, **headers):
    """(status, headers, body) of a plain GET that follows redirects."""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_it_tells_who_a_token_is_of_and_what_it_may(small):
    address = f"{small.endpoint}/api/whoami-v2"
    for role in ("write", "read", "none"):
        status, _, body = get(address, f"hf_{role}")
        told = json.loads(body)
        assert status == 200 and told["name"] == "ann"
        assert told["auth"]["accessToken"]["role"] == role
    assert get(address)[0] == get(address, "hf_wrong")[0] == 401


def test_it_serves_ranges(small):
    address = f"{small.endpoint}/ann/small/resolve/main/model.safetensors"
    whole = bytes(range(250)) * 400
    assert get(address)[2] == whole
    for asked, part in {
        "bytes=0-9": whole[:10], "bytes=99990-": whole[-10:], "bytes=-5": whole[-5:],
        "bytes=99995-200000": whole[-5:],
    }.items():  # fmt: skip
        status, headers, body = get(address, Range=asked)
        assert (status, body) == (206, part)
        assert headers["Content-Range"].endswith("/100000")
    assert get(address, Range="bytes=100000-")[0] == 416


def test_faults_come_when_they_are_told_to(small):
    address = f"{small.endpoint}/ann/small/resolve/main/README.md"
    small.fault("README", status=503, after=1, times=1)
    assert [get(address)[0] for _ in range(3)] == [200, 503, 200]
    small.fault("README", cut=3, times=1)
    with pytest.raises(IncompleteRead) as cut:
        get(address)
    assert cut.value.partial == b"# S"
    small.fault("whoami", stall=True)
    start = time.perf_counter()
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"{small.endpoint}/api/whoami-v2", timeout=0.3)
    assert time.perf_counter() - start < 3


def test_what_it_does_not_know_is_kept(small):
    assert get(f"{small.endpoint}/api/spaces")[0] == 404
    assert small.unknown == ["GET /api/spaces"]


def test_it_stops():
    with LocalHub() as hub:
        assert get(f"{hub.endpoint}/api/agent-harnesses")[0] == 200
    with pytest.raises(urllib.error.URLError):
        get(f"{hub.endpoint}/api/agent-harnesses")


def test_the_client_reads_tree_refs_commits_and_info(small, online):
    api = online(small)
    tree = {entry.path: entry for entry in api.list_repo_tree("ann/small", recursive=True)}
    assert set(tree) == {"README.md", "model.safetensors", "sub", "sub/a.json"}
    assert tree["model.safetensors"].lfs.size == 100_000 and tree["README.md"].lfs is None
    assert {e.path for e in api.list_repo_tree("ann/small")} == {*tree} - {"sub/a.json"}
    assert [e.path for e in api.list_repo_tree("ann/small", "sub")] == ["sub/a.json"]
    paths = [e.path for e in api.get_paths_info("ann/small", ["README.md", "sub", "none"])]
    assert paths == ["README.md", "sub"]
    info = api.model_info("ann/small", expand=["sha", "siblings"])
    assert api.list_repo_refs("ann/small").branches[0].target_commit == info.sha
    assert [c.commit_id for c in api.list_repo_commits("ann/small")] == [info.sha]
    assert api.file_exists("ann/small", "sub/a.json") and not api.file_exists("ann/small", "b")
    assert not small.unknown


def test_the_client_knows_what_is_not_there(small, online):
    api = online(small)
    with pytest.raises(RevisionNotFoundError):
        api.model_info("ann/small", revision="0" * 40)
    with pytest.raises(RemoteEntryNotFoundError):
        api.hf_hub_download("ann/small", "absent.json")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("ann/none")
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=small.endpoint, token="hf_read").model_info("ann/none")


def test_a_private_repository_is_shown_to_its_owner_only(small, online, tmp_path):
    api = online(small)
    small.add("ann/secret", tmp_path / "small", private=True)
    small.tokens["hf_bob"] = ("bob", "write")
    for token in (False, "hf_bob", "hf_none"):
        with pytest.raises(RepositoryNotFoundError):
            api.model_info("ann/secret", token=token)
    assert api.model_info("ann/secret", token="hf_read").private


@pytest.mark.parametrize("lfs", [False, True])
def test_commits_add_and_delete_by_either_way(small, online, monkeypatch, lfs):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", lfs)
    small.lfs = lfs
    api = online(small, "hf_write")
    before = small.files("ann/small")
    weights = b"new weights" * 100
    api.create_commit(
        "ann/small", commit_message="Better",
        operations=[
            CommitOperationAdd("model.safetensors", weights), CommitOperationDelete("sub/"),
            CommitOperationAdd("config.json", b"{}"),
        ],
    )  # fmt: skip
    after = small.files("ann/small")
    assert after["model.safetensors"] == weights != before["model.safetensors"]
    assert set(after) == {"README.md", "config.json", "model.safetensors"}
    assert [c.title for c in api.list_repo_commits("ann/small")] == ["Better", "Add files"]
    assert bool(small.asked("info/lfs")) == bool(small.asked("POST /verify")) == lfs
    assert not small.asked("xet") and not small.unknown


def test_a_commit_on_an_old_parent_is_refused(small, online):
    api = online(small, "hf_write")
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(
            "ann/small", [CommitOperationAdd("b.json", b"")], commit_message="x",
            parent_commit="0" * 40,
        )  # fmt: skip
    assert len(small.repositories["models", "ann/small"].commits) == 1


@pytest.mark.parametrize("token", ["hf_read", "hf_none", "hf_wrong", False])
def test_only_a_token_that_may_write_writes(small, online, token):
    api = online(small)
    with pytest.raises(HfHubHTTPError, match="401|403"):
        api.create_repo("ann/other", token=token)
    with pytest.raises(HfHubHTTPError, match="401|403"):
        api.create_commit(
            "ann/small", [CommitOperationAdd("b", b"")], commit_message="x", token=token
        )
    assert list(small.repositories) == [("models", "ann/small")]
    assert "b" not in small.files("ann/small")


def test_the_token_goes_to_the_hub_and_not_to_its_storage(small, online):
    api = online(small, "hf_write")
    api.hf_hub_download("ann/small", "model.safetensors")
    sent = {
        request.split("/")[1]: headers.get("authorization")
        for request, headers in zip(small.requests, small.headers)
    }
    assert sent == {"ann": "Bearer hf_write", "storage": None}


def test_a_cut_download_is_resumed_where_it_was_cut(small, online, monkeypatch):
    online(small)
    # The client writes, and resumes, by chunks of 10 MB: a smaller file would begin again.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    small.fault("GET /storage", cut=40_000, times=1)
    path = hf_hub_download("ann/small", "model.safetensors", endpoint=small.endpoint)
    with open(path, "rb") as file:  # noqa: PTH123
        assert file.read() == bytes(range(250)) * 400
    ranges = [h.get("range") for r, h in zip(small.requests, small.headers) if "GET /storage" in r]
    assert ranges == [None, "bytes=40000-"]


def test_the_cache_is_used_again_and_serves_without_the_hub(small, online):
    online(small)
    first = hf_hub_download("ann/small", "model.safetensors", endpoint=small.endpoint)
    again = hf_hub_download("ann/small", "model.safetensors", endpoint=small.endpoint)
    assert first == again and len(small.asked("GET /storage")) == 1
    small.stop()
    assert hf_hub_download("ann/small", "model.safetensors", endpoint=small.endpoint) == first


GUIDE = """
    import json
    from datasets import load_dataset

    rows = load_dataset("PolyAI/minds14", name="en-US", split="train[:100]")
    split = rows.train_test_split(test_size=0.2, seed=42)
    split = split.remove_columns(["english_transcription", "intent_class", "lang_id"])
    names = [rows.features[c].names for c in ("intent_class", "lang_id")]
    print(json.dumps([split.num_rows, split["train"].column_names, *names, rows["path"][0]]))
"""


def test_the_guides_load_dataset_works_as_written(local_hub, client, tmp_path):
    from lookalikes import INTENTS, LANGUAGES

    marked = "hf_MARKEDmarkedMARKED"
    local_hub.tokens[marked] = ("ann", "read")
    told = client(local_hub, GUIDE, HF_TOKEN=marked)
    assert f"Bearer {marked}" in [headers.get("authorization") for headers in local_hub.headers]
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(written) > 100_000 and marked.encode() not in written
    assert marked not in told.stdout + told.stderr
    sizes, columns, intents, languages, path = json.loads(told.stdout)
    assert sizes == {"train": 80, "test": 20}
    assert columns == ["path", "audio", "transcription"]
    assert (intents, languages) == (INTENTS, LANGUAGES) and path.startswith("en-US~")
    assert not local_hub.unknown
    assert local_hub.asked("GET /storage") and not local_hub.asked("xet")


def test_the_look_alike_has_the_coding_and_the_columns_of_minds14(shelf):
    import datasets
    import soundfile
    from lookalikes import INTENTS, LANGUAGES, ODD

    (file,) = (shelf / "minds14" / "en-US").glob("*.parquet")
    rows = datasets.Dataset.from_parquet(str(file), cache_dir=str(shelf / "cache"))
    text = datasets.Value("string")
    intents, languages = rows.features["intent_class"], rows.features["lang_id"]
    assert {name: kind for name, kind in rows.features.items() if name not in ("audio",)} == {
        "path": text, "transcription": text, "english_transcription": text,
        "intent_class": datasets.ClassLabel(names=INTENTS),
        "lang_id": datasets.ClassLabel(names=LANGUAGES),
    }  # fmt: skip
    assert (intents.num_classes, languages.num_classes) == (14, 14)
    assert rows.features["audio"].sampling_rate == 8000
    stored = rows.cast_column("audio", datasets.Audio(decode=False))
    assert stored["audio"][0]["path"] == stored["path"][0]
    encoded = [row["audio"]["bytes"] for row in stored]
    for sound in (soundfile.SoundFile(BytesIO(data)) for data in encoded):
        assert (sound.samplerate, sound.channels, sound.subtype) == (8000, 1, "ULAW")
    samples = sum(len(row["audio"]["array"]) for row in rows)
    assert samples < sum(map(len, encoded)) < samples + 100 * len(rows)  # a byte each, and headers
    assert {number: rows["transcription"][number] for number in ODD} == ODD


CORPUS = """
    import sys, time
    from asr_helpers.corpus import load_corpus

    start = time.perf_counter()
    try:
        for revision in REVISIONS:
            corpus = load_corpus("PolyAI/minds14", "en-US", revision=revision)
            texts = [text for split in corpus.values() for text in split["transcription"]]
            sound = corpus["train"][0]["audio"]
            print(sum(text.endswith(" indeed") for text in texts), len(texts), sorted(corpus),
                  sound["sampling_rate"], len(sound["array"]) > 1600, "torchcodec" in sys.modules)
    except ConnectionError as error:
        print(error)
    print(time.perf_counter() - start)
"""


def lines(told):
    """The printed lines but the last, and the last, which is a number of seconds."""
    assert not told.returncode, told.stderr
    *kept, seconds = told.stdout.splitlines()
    return kept, float(seconds)


@pytest.mark.slow
def test_the_corpus_comes_at_its_pinned_revision_then_from_the_cache(local_hub, client):
    def load(*revisions):
        return lines(client(local_hub, CORPUS.replace("REVISIONS", repr(revisions))))

    def go_down():
        local_hub.fault("HEAD /$", status=503)

    # Of 120 rows two have the text of a test row, and five a text that cannot be said: left out.
    as_it_is = "113 ['test', 'train', 'validation'] 8000 True False"
    pinned, newest = f"0 {as_it_is}", f"1 {as_it_is}"
    assert load(PINNED)[0] == [pinned]
    go_down()
    asked = len(local_hub.requests)
    told, seconds = load(PINNED)
    assert told == [pinned] and seconds < 15 and len(local_hub.requests) == asked + 1
    local_hub.faults.clear()
    assert load(PINNED, None)[0] == [pinned, newest]
    assert len(local_hub.asked("GET /storage")) == 2 and not local_hub.unknown
    go_down()  # the newest in the cache is not the pinned one: no corpus rather than another
    (told,), _ = load(PINNED)
    assert "PolyAI/minds14 is not in the cache" in told


@pytest.mark.parametrize("stalled", [False, True])
def test_without_a_hub_loading_ends_soon_and_says_what_to_do(local_hub, client, stalled):
    if stalled:
        local_hub.fault("", stall=True)
    else:
        local_hub.stop()
    code = "import asr_helpers.reach; asr_helpers.reach.WAIT = 1\n"
    code += CORPUS.replace("REVISIONS", "[None]").replace("\n    ", "\n")
    (told,), seconds = lines(client(local_hub, code))
    assert "PolyAI/minds14 is not in the cache" in told and 'PROFILE = "offline"' in told
    assert seconds < 15


@pytest.mark.slow
@pytest.mark.parametrize("where", ["HEAD .*parquet", "GET /api/datasets/.*tree", "GET /storage"])
def test_a_hub_that_falls_silent_half_way_is_given_up_and_says_what_to_do(local_hub, client, where):
    local_hub.fault(where, stall=True)
    code = "import asr_helpers.reach; asr_helpers.reach.WAIT = 1\n"
    code += "from huggingface_hub.utils import _http; _http.time = type('', (), {'sleep': print})\n"
    code += CORPUS.replace("REVISIONS", "[None]").replace("\n    ", "\n")
    kept, seconds = lines(client(local_hub, code))
    assert "answered, and fell silent while PolyAI/minds14 was loaded" in kept[-1]
    assert seconds < 60 and local_hub.asked(where)


MODEL = """
import time
import torch
from asr_helpers import reach
from asr_helpers.collator import DataCollatorCTCWithPadding
from asr_helpers.model import load_base_model
from asr_helpers.processor import load_processor

reach.WAIT, start = 1, time.perf_counter()
processor = load_processor("NAME")
model = load_base_model("NAME", processor, 0)
batch = DataCollatorCTCWithPadding(processor)(
    [{"input_values": torch.randn(n).tolist(), "labels": [5, 6]} for n in (9000, 16000)]
)
weights = model.wav2vec2.encoder.pos_conv_embed.conv.weight
print(len(processor.tokenizer), processor.tokenizer.pad_token_id, *sorted(batch),
      model.config.feat_extract_norm, model(**batch).loss.isfinite().item())
print(round(weights.sum().item(), 3))
print(time.perf_counter() - start)
"""


@pytest.mark.slow
def test_the_base_model_loads_then_from_the_cache(local_hub, client, shelf):
    import torch

    told, _ = lines(client(local_hub, MODEL.replace("NAME", "facebook/wav2vec2-base")))
    # 32 tokens, no attention mask, a group norm: as the real one.
    assert told[0] == "32 0 input_values labels group True"
    stored = torch.load(shelf / "base" / "pytorch_model.bin")
    v, g = (stored[f"wav2vec2.encoder.pos_conv_embed.conv.weight_{k}"] for k in "vg")
    assert float(told[1]) == round((g * v / v.norm(dim=(0, 1), keepdim=True)).sum().item(), 3)
    assert not local_hub.unknown
    local_hub.stop()
    again, seconds = lines(client(local_hub, MODEL.replace("NAME", "facebook/wav2vec2-base")))
    assert again == told and seconds < 60


@pytest.mark.slow
def test_old_weights_alone_load_too(local_hub, client, shelf):
    local_hub.add("facebook/old", shelf / "base-bin")
    code = MODEL.replace("NAME", "facebook/old")
    # transformers would ask a service of the Hub for a safetensors copy, in a thread of its own.
    told, _ = lines(client(local_hub, code, DISABLE_SAFETENSORS_CONVERSION="1"))
    assert told[0].endswith("group True") and not local_hub.unknown
