"""The folder of the page: what lies in it, what is refused, and how it is handed out and shared."""

import gzip
import hashlib
import http.client
import json
import re
import shutil
import threading
import urllib.request
from http.server import HTTPServer

import pytest
import torch
from local_hub import LocalHub
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from asr_helpers import web_page
from asr_helpers.hub import HubError, push_page
from asr_helpers.web_page import RUNTIME, PageError, build_page, open_server, runtime_file
from tools import npm, web

SMALL = dict(
    hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
    conv_dim=(16, 16), conv_kernel=(10, 4), conv_stride=(5, 2), num_feat_extract_layers=2,
    num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
)  # fmt: skip
CARD = """---
model-index:
- name: a "telephone" model
  results:
  - task: {type: automatic-speech-recognition}
    dataset: {type: prompts, name: prompts}
    metrics:
    - {type: wer, value: 0.25}
---
# A card
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, processor):
    """A small fine-tuned model with its processor and its card."""
    folder = tmp_path_factory.mktemp("small")
    torch.manual_seed(0)
    config = Wav2Vec2Config(**SMALL, vocab_size=len(processor.tokenizer))
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    return build_page(folder, tmp_path_factory.mktemp("pages") / "page")


def test_everything_that_the_page_names_lies_in_it(page):
    names = {path.relative_to(page).as_posix() for path in page.rglob("*") if path.is_file()}
    html = (page / "index.html").read_text()
    named = set(re.findall(r'(?:href|src)="([^"#]+)"', html))
    scripts = [path.read_text() for path in page.glob("*.js")]
    named |= {n for text in scripts for n in re.findall(r'from "\./([^"]+)"', text)}
    assert named and named <= names
    assert {"model/model.onnx", "model/model.json", "licences.txt", "README.md"} <= names
    kept = json.loads(
        re.search(r"^const FILES = (.*);$", (page / "offline.js").read_text(), re.M)[1]
    )
    assert set(kept) - {"./"} == names - {"offline.js", "README.md"}


def test_the_page_knows_its_model(page, folder, processor):
    facts = json.loads((page / "model" / "model.json").read_text())
    assert facts["name"] == 'a "telephone" model' and facts["wer"] == 0.25
    assert facts["precision"] == "int8" and facts["rate"] == 16_000 and facts["normalise"]
    assert (facts["hop"], facts["window"]) == (10, 25)
    assert facts["tokens"][facts["blank"]] == processor.tokenizer.pad_token
    assert facts["tokens"][facts["delimiter"]] == "|"
    assert (page / "model" / "README.md").read_bytes() == (folder / "README.md").read_bytes()


def test_no_source_of_the_page_names_a_remote_host(page):
    for path in [*page.glob("*.html"), *page.glob("*.css"), *page.glob("*.js")]:
        assert not re.search(r"https?://|//cdn", path.read_text()), path
    html = (page / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert "unsafe-inline" not in policy and "*" not in policy
    assert "innerHTML" not in (page / "page.js").read_text()


def test_the_licences_of_the_runtime_are_told(page):
    text = (page / "licences.txt").read_text()
    assert "MIT License" in text and "Microsoft" in text and "ONNX Runtime Web" in text


def test_the_packed_runtime_is_the_one_that_was_checked(page):
    facts = json.loads((RUNTIME / "runtime.json").read_text())
    for name, sha256 in facts["sha256"].items():
        assert hashlib.sha256(runtime_file(name)).hexdigest() == sha256
    packed = (page / "ort-wasm-simd-threaded.wasm.gz").read_bytes()
    assert gzip.decompress(packed) == runtime_file("ort-wasm-simd-threaded.wasm")


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_the_packed_runtime_is_npms():
    facts = json.loads((RUNTIME / "runtime.json").read_text())
    names = [name for name in facts["sha256"] if name != "ThirdPartyNotices.txt"]
    try:
        paths = [f"dist/{name}" for name in names]
        files = npm.files("onnxruntime-web", facts["version"], facts["integrity"], paths)
    except RuntimeError as error:
        if "could not fetch" in str(error):
            pytest.skip("needs npm's registry")
        raise
    assert files == {f"dist/{name}": runtime_file(name) for name in names}


def test_a_damaged_runtime_is_named(folder, tmp_path, monkeypatch):
    shutil.copytree(RUNTIME, tmp_path / "runtime")
    monkeypatch.setattr(web_page, "RUNTIME", tmp_path / "runtime")
    packed = tmp_path / "runtime" / "ort.wasm.bundle.min.mjs.xz"
    packed.write_bytes(packed.read_bytes()[:1000])
    with pytest.raises(PageError, match=r"ort\.wasm.* damaged: fetch the course again"):
        runtime_file("ort.wasm.bundle.min.mjs")


@pytest.mark.parametrize("lost", ["config.json", "vocab.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_named(folder, tmp_path, lost):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / lost).unlink()
    with pytest.raises(PageError, match=f"lacks {lost}: name a folder as lesson 05 leaves it"):
        build_page(copy, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_what_is_no_page_is_not_overwritten(folder, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        with pytest.raises(PageError, match="holds something else than a page|is a file"):
            build_page(folder, tmp_path / name)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "mine"


def test_unknown_precisions_and_models_without_a_head_are_refused(folder, tmp_path):
    with pytest.raises(PageError, match="No precision 'int4'"):
        build_page(folder, tmp_path / "page", "int4")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"architectures": ["Wav2Vec2Model"]}))
    with pytest.raises(PageError, match="no model with a CTC head .* lesson 05"):
        build_page(copy, tmp_path / "page")


def test_a_card_whose_metadata_cannot_be_read_is_named(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("---\nname: [unclosed\n---\n")
    with pytest.raises(PageError, match=r"README\.md has metadata that cannot be read"):
        build_page(copy, tmp_path / "page")


def test_the_server_isolates_the_page_and_answers_this_machine_alone(page):
    server = open_server(page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert server.server_address[0] == "127.0.0.1"
        address = f"http://localhost:{server.server_port}/"
        with urllib.request.urlopen(address) as answer:
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        with urllib.request.urlopen(address + "page.js") as answer:
            assert answer.headers["Content-Type"] == "text/javascript"
    finally:
        server.shutdown()
        server.server_close()


def test_the_server_refuses_a_foreign_host(page):
    """A web page whose name suddenly means 127.0.0.1 must not reach it through a browser."""
    server = open_server(page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, found = server.server_port, {}
    try:
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "",
                     f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):  # fmt: skip
            for path in ("/", "/page.js", "/model/"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.putrequest("GET", path, skip_host=True)
                connection.putheader("Host", host)
                connection.endheaders()
                found.setdefault(host, set()).add(connection.getresponse().status)
                connection.close()
    finally:
        server.shutdown()
        server.server_close()
    assert [found[host] for host in found if "evil" in host or not host] == [{403}] * 4
    assert [found[host] for host in found if host and "evil" not in host] == [{200}] * 3


def test_a_port_in_use_and_a_folder_without_a_page_are_said(page, tmp_path):
    taken = HTTPServer(("127.0.0.1", 0), None)
    try:
        with pytest.raises(PageError, match="cannot be opened .* choose another"):
            open_server(page, taken.server_port)
    finally:
        taken.server_close()
    with pytest.raises(PageError, match="holds no page: build it first, with `make web`"):
        open_server(tmp_path)


@pytest.mark.hub
def test_the_page_arrives_whole_as_a_static_space(page, online, folder, tmp_path):
    with LocalHub() as hub:
        hub.tokens = {"hf_write": ("ann", "write")}
        online(hub, "hf_write")
        address = push_page(page, "ann/page")
        assert address == f"{hub.endpoint}/spaces/ann/page"
        arrived = hub.files("ann/page", "spaces")
        own = {
            p.relative_to(page).as_posix(): p.read_bytes() for p in page.rglob("*") if p.is_file()
        }
        assert {name: arrived[name] for name in own} == own
        assert b"sdk: static" in arrived["README.md"]
        smaller = tmp_path / "smaller"
        shutil.copytree(page, smaller)
        (smaller / "icon.svg").unlink()
        push_page(smaller, "ann/page")
        assert "icon.svg" not in hub.files("ann/page", "spaces")
        with pytest.raises(HubError, match="lacks index.html"):
            push_page(folder, "ann/page")


def test_the_command_builds_the_page_of_a_named_model(folder, tmp_path, capsys, monkeypatch):
    web.main(["--model", str(folder), "--out", str(tmp_path / "page"), "--precision", "float32"])
    assert "files," in capsys.readouterr().out
    assert (tmp_path / "page" / "index.html").is_file()
    with pytest.raises(SystemExit, match="lacks config.json"):
        web.main(["--model", str(tmp_path), "--out", str(tmp_path / "other")])
