"""A recogniser in a web page: a folder of static files for any web server.

The page's own sources are in `web/`; the runtime, ONNX Runtime Web, is in
`asr_helpers/data/onnxruntime-web/`, compressed.
"""

import gzip
import hashlib
import json
import lzma
import re
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from huggingface_hub import ModelCard
from transformers import AutoModelForCTC

from asr_helpers.artifacts import saving
from asr_helpers.export import export_onnx, halve, quantise
from asr_helpers.frames import frame_geometry
from asr_helpers.processor import load_processor

PACKAGE = Path(__file__).resolve().parent
SOURCES = PACKAGE.parent / "web"
RUNTIME = PACKAGE / "data" / "onnxruntime-web"
SMALLER = {"float32": shutil.copyfile, "float16": halve, "int8": quantise}


class PageError(ValueError):
    """A page that cannot be built; the message names the file and says what to do."""


def _architecture(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return " ".join(config.get("architectures") or [])
    except (OSError, ValueError):
        return ""


def build_page(folder: str | Path, page: str | Path, precision: str = "int8") -> Path:
    """Build the page of a fine-tuned model as a folder of static files.

    Args:
        folder: the model, its processor and its card (README.md), as lesson 05 leaves them.
        page: the folder to write; an older page in it is replaced once the new page is complete.
        precision: of the weight matrices: "float32", "float16" or "int8".

    Returns:
        `page`, a path. Its index.html is the page.

    Raises:
        PageError: the precision is unknown, the folder holds no CTC model or no processor, or
            `page` holds something that is not a page.
        ImportError: a package that exporting needs is missing.
        ExportError: the exported file computes other logits than the model.
    """
    folder, page = Path(folder), Path(page)
    if precision not in SMALLER:
        raise PageError(f"No precision {precision!r}: choose one of {', '.join(SMALLER)}.")
    if page.is_file():
        raise PageError(f"{page} is a file: choose another folder.")
    if page.exists() and any(page.iterdir()) and not (page / "model" / "model.json").is_file():
        raise PageError(f"{page} holds something else than a page: choose another folder.")
    missing = [
        n for n in ("config.json", "vocab.json", "model.safetensors") if not (folder / n).is_file()
    ]
    if missing:
        raise PageError(
            f"{folder} lacks {', '.join(missing)}: name a folder as lesson 05 leaves it, with the "
            "model and its processor."
        )
    if "ForCTC" not in _architecture(folder):
        raise PageError(
            f"{folder} holds no model with a CTC head (its config.json says "
            f"{_architecture(folder) or 'nothing'!r}): fine-tune it first, with lesson 05."
        )
    model = AutoModelForCTC.from_pretrained(folder, dtype=torch.float32).eval()
    facts = describe(folder, model, precision)
    with saving(page) as half:
        shutil.copytree(SOURCES, half)
        (half / "model").mkdir()
        whole = export_onnx(model, half / "model" / "whole.onnx")
        SMALLER[precision](whole, half / "model" / "model.onnx")
        whole.unlink()
        text = json.dumps(facts, ensure_ascii=False, indent=1)
        (half / "model" / "model.json").write_text(text + "\n", encoding="utf-8")
        card = folder / "README.md"
        (half / "model" / "README.md").write_bytes(
            card.read_bytes() if card.is_file() else b"This model came without a card.\n"
        )
        (half / "README.md").write_text(_space_card(facts["name"]), encoding="utf-8")
        _put_runtime(half)
        (half / "licences.txt").write_text(_licences(folder), encoding="utf-8")
        _list_files(half)
    return page


def describe(folder: str | Path, model: torch.nn.Module, precision: str) -> dict:
    """What the page must know of a model, as its `model.json` has it.

    Returns:
        name, precision, wer (the card's, or None), rate (Hz), normalise (whether the processor
        brings samples to mean 0 and variance 1), hop and window (samples), tokens (by id), blank
        and delimiter (ids; -1 where the vocabulary has no delimiter).

    Raises:
        PageError: the tokenizer and the model differ in the number of tokens.
    """
    processor = load_processor(str(folder))
    tokenizer, sound = processor.tokenizer, processor.feature_extractor
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    if len(tokens) != model.config.vocab_size:
        raise PageError(
            f"{folder} has a vocabulary of {len(tokens)} tokens, and its model writes "
            f"{model.config.vocab_size}: save the processor that the model was trained with there."
        )
    hop, window = frame_geometry(model.config)
    delimiter = tokenizer.word_delimiter_token
    name, wer = _from_card(Path(folder))
    return {
        "name": name, "precision": precision, "wer": wer, "rate": sound.sampling_rate,
        "normalise": bool(sound.do_normalize), "hop": hop, "window": window, "tokens": tokens,
        "blank": tokenizer.pad_token_id,
        "delimiter": tokens.index(delimiter) if delimiter in tokens else -1,
    }  # fmt: skip


def _from_card(folder: Path) -> tuple[str, float | None]:
    """(the model's name, its WER on the test split or None), from its card."""
    card = folder / "README.md"
    if not card.is_file():
        return folder.name, None
    try:
        data = ModelCard(card.read_text(encoding="utf-8"), ignore_metadata_errors=True).data
    except Exception as error:  # the YAML parser has errors of its own
        raise PageError(
            f"{card} has metadata that cannot be read: mend the lines between `---`, or delete the "
            "file."
        ) from error
    scores = [result for result in data.eval_results or [] if result.metric_type == "wer"]
    return data.model_name or folder.name, float(scores[0].metric_value) if scores else None


def _put_runtime(page: Path) -> None:
    """Unpack ONNX Runtime Web into the page, its WASM as .gz, and check the files."""
    facts = json.loads((RUNTIME / "runtime.json").read_text(encoding="utf-8"))
    for name, sha256 in facts["sha256"].items():
        content = runtime_file(name)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise PageError(
                f"{RUNTIME / name}.xz is not the file that the course came with: fetch the course "
                "again, or restore the file with git."
            )
        if name.endswith(".wasm"):  # a fourth of its size; the page unpacks it
            (page / f"{name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        else:
            (page / name).write_bytes(content)


def runtime_file(name: str) -> bytes:
    """A file of ONNX Runtime Web, unpacked.

    Raises:
        PageError: it is missing or damaged.
    """
    packed = RUNTIME / f"{name}.xz"
    try:
        return lzma.decompress(packed.read_bytes())
    except (OSError, lzma.LZMAError) as error:
        raise PageError(
            f"{packed} is missing or damaged: fetch the course again, or restore the file with git."
        ) from error


def _licences(folder: Path) -> str:
    """The licence texts of what the page hands out."""
    base = PACKAGE / "data" / "wav2vec2-tiny"
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for place in (base, folder)
        for path in sorted(place.glob("LICENSE*"))
    }
    parts = [f"{name} (of the model)\n\n{text}" for name, text in texts.items()]
    licence = (RUNTIME / "LICENSE").read_text(encoding="utf-8")
    notices = runtime_file("ThirdPartyNotices.txt").decode("utf-8", errors="replace")
    parts += [f"ONNX Runtime Web\n\n{licence}", f"What ONNX Runtime contains\n\n{notices}"]
    return f"\n\n{'=' * 80}\n\n".join(parts)


def _space_card(name: str) -> str:
    """The README.md that makes the folder a static Space of the Hugging Face Hub."""
    title = re.sub(r"[^\w .-]", "", name)[:60] or "recogniser"
    return (
        f'---\ntitle: "{title}"\nemoji: 🎙️\ncolorFrom: blue\ncolorTo: gray\nsdk: static\n'
        "app_file: index.html\npinned: false\n---\n\n"
        "A speech recogniser that runs in the browser: sound never leaves it. "
        "The model's card is in `model/README.md`.\n"
    )


def _list_files(page: Path) -> None:
    """Write the list of files, and a name for this version of them, into the service worker."""
    worker = page / "offline.js"
    names = sorted(
        path.relative_to(page).as_posix()
        for path in page.rglob("*")
        if path.is_file() and path.name != "offline.js" and path != page / "README.md"
    )
    state = hashlib.sha256()
    for name in names:
        state.update(f"{name}\0".encode() + hashlib.sha256((page / name).read_bytes()).digest())
    source = worker.read_text(encoding="utf-8")
    for line, value in (("FILES", ["./", *names]), ("VERSION", state.hexdigest()[:16])):
        source, count = re.subn(
            rf"^const {line} = .*$", f"const {line} = {json.dumps(value)};", source, flags=re.M
        )
        if count != 1:
            raise PageError(f"{SOURCES / 'offline.js'} has no line that begins `const {line} =`.")
    worker.write_text(source, encoding="utf-8")


class _Handler(SimpleHTTPRequestHandler):
    """Hands out a folder, with the headers that let the page use several threads."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json",
        ".svg": "image/svg+xml", ".md": "text/plain; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
    }  # fmt: skip

    def send_head(self):
        """Refuse requests for another host: a foreign web page could send them through a browser."""
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in ("127.0.0.1", "localhost"):
            self.send_error(403, "This page is for its own machine: ask for localhost")
            return None
        return super().send_head()

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, *_):
        pass


def open_server(page: str | Path, port: int = 0) -> ThreadingHTTPServer:
    """A server of the page for this machine alone; call its `serve_forever` and `shutdown`.

    Its address is `http://localhost:PORT/` with the port `server_port`. It sends the headers that
    make the page isolated (COOP and COEP), so that the recogniser may use several threads.

    Args:
        page: a folder from `build_page`.
        port: 0 takes a free one.

    Raises:
        PageError: the folder holds no page, or the port is in use.
    """
    if not (Path(page) / "index.html").is_file():
        raise PageError(f"{page} holds no page: build it first, with `make web`.")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(page)))
    except OSError as error:
        raise PageError(
            f"Port {port} cannot be opened ({error.strerror}): choose another."
        ) from error
