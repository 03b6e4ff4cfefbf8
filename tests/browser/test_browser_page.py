"""The page in a real Chromium: what it writes is what Python writes, and nothing leaves it."""

import base64
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import accessibility
import numpy as np
import pytest
import soundfile
import soxr
import torch
from scipy.signal import fftconvolve
from transformers import AutoModelForCTC

from asr_helpers import web_page
from asr_helpers.audio import read_audio
from asr_helpers.chunks import chunked_logits, long_logits
from asr_helpers.export import open_onnx, transcribe_onnx
from asr_helpers.frames import frame_geometry
from asr_helpers.long_form import transcribe_long, word_times
from asr_helpers.metrics import wer
from asr_helpers.text import normalize
from asr_helpers.web_page import build_page, open_server
from tools import chromium

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
CHROMIUM = chromium.installed()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason=f"needs {chromium.NEED}"),
]
PRECISIONS = ["float32", "int8"]
# No name but localhost's is ever looked up: what would leave the machine fails.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
]  # fmt: skip
FAKE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DONE = "body[data-state=result], body[data-state=ready]"


@pytest.fixture(scope="module")
def driver():
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(lettered, tmp_path_factory):
    """{precision: the folder of its page}."""
    return {
        name: build_page(lettered, tmp_path_factory.mktemp("pages") / name, name)
        for name in PRECISIONS
    }


@contextmanager
def served(folder):
    """Serve a page; gives the server and the page's address."""
    server = open_server(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server, f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def opened(driver, address, flags=(), wait="body[data-state=ready]", **context):
    """Open an address in a new Chromium; gives the page.

    `page.trouble` collects errors of scripts and what the console says of them, `page.requests`
    every address that was asked for.
    """
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    try:
        page = browser.new_context(**context).new_page()
        page.trouble, page.requests = [], []
        page.on("pageerror", lambda error: page.trouble.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.trouble.append(line.text))
        page.context.on("request", lambda request: page.requests.append(request.url))
        page.goto(address)
        page.wait_for_selector(wait, timeout=60_000)
        yield page
    finally:
        browser.close()


def written(page, path):
    """What the page writes for a sound file."""
    page.evaluate("document.body.dataset.state = 'asked'")
    page.set_input_files("#file", path)
    page.wait_for_selector(DONE, timeout=60_000)
    assert not page.is_visible("#trouble"), page.text_content("#trouble")
    return page.text_content("#text")


@pytest.fixture(scope="module")
def clips(few, tmp_path_factory):
    """Ten clips as their files (FLAC, 8000 Hz), and as Python reads them at 16 000 Hz."""
    folder, paths = tmp_path_factory.mktemp("clips"), []
    for number, row in enumerate(few.select(range(10)).with_format("arrow")["audio"].to_pylist()):
        paths.append(folder / f"{number}.flac")
        paths[-1].write_bytes(row["bytes"])
    return paths, [read_audio(path, 16_000)[0] for path in paths]


@pytest.fixture(scope="module")
def expected(clips, network_model, processor, pages):
    """{precision: Python's transcripts of the ten clips}."""
    sessions = {name: open_onnx(pages[name] / "model" / "model.onnx") for name in PRECISIONS}
    return {
        name: transcribe_onnx(sessions[name], network_model.config, processor, clips[1])
        for name in PRECISIONS
    }


@pytest.fixture(scope="module")
def network_model(lettered):
    return AutoModelForCTC.from_pretrained(lettered).eval()


@pytest.mark.parametrize("precision", PRECISIONS)
def test_ten_files_are_written_as_python_writes_them(driver, pages, clips, expected, precision):
    assert len({text for text in expected[precision] if len(text) > 3}) > 5
    with served(pages[precision]) as (_, address), opened(driver, address) as page:
        texts = [written(page, path) for path in clips[0]]
        assert texts == expected[precision]
        assert page.trouble == []
        assert page.requests and all(
            url.startswith((address, f"blob:{address}")) for url in page.requests
        )


def test_other_formats_rates_and_channels_are_written_as_python_writes_them(
    driver, pages, clips, network_model, tmp_path, processor
):
    sound = np.concatenate(clips[1][:3])
    cd, disc = soxr.resample(sound, 16_000, 44_100), soxr.resample(sound, 16_000, 48_000)
    soundfile.write(tmp_path / "stereo.wav", np.stack([cd, 0.25 * cd], axis=1), 44_100)
    soundfile.write(tmp_path / "float.wav", disc, 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "three.flac", np.stack([disc, 0 * disc, disc], axis=1), 48_000)
    soundfile.write(tmp_path / "own.wav", sound, 16_000)
    session = open_onnx(pages["float32"] / "model" / "model.onnx")
    with served(pages["float32"]) as (_, address), opened(driver, address) as page:
        for path in sorted(tmp_path.iterdir()):
            array, _ = read_audio(path, 16_000)
            assert (
                written(page, path)
                == transcribe_onnx(session, network_model.config, processor, [array])[0]
            ), path
        for name in ("compressed.ogg", "compressed.mp3", "opus.opus"):
            path = tmp_path / name
            soundfile.write(path, sound, 16_000, **(
                {"format": "OGG", "subtype": "OPUS"} if name.startswith("opus") else {}
            ))  # fmt: skip
            text = written(page, path)
            plain = transcribe_onnx(
                session, network_model.config, processor, [read_audio(path, 16_000)[0]]
            )[0]
            # The browser's decoder is another than libsndfile's: nearly the same samples.
            assert abs(len(text) - len(plain)) <= 3 and len(text) > 10, name


def test_sound_of_any_rate_is_resampled_as_soxr_does(driver, pages):
    random = np.random.default_rng(0)
    with served(pages["int8"]) as (_, address), opened(driver, address) as page:
        for rate in (8_000, 11_025, 22_050, 44_100, 48_000):
            slow = soxr.resample(random.standard_normal(4_000).astype(np.float32), 3_000, rate)
            ours = page.evaluate(
                "async ([samples, rate]) => { const { resample } = await import('./sound.js');"
                "return [...resample(Float32Array.from(samples), rate, 16000)]; }",
                [slow.tolist(), rate],
            )
            theirs = soxr.resample(slow, rate, 16_000)
            assert abs(len(ours) - len(theirs)) <= 1
            inner = slice(400, min(len(ours), len(theirs)) - 400)
            gap = np.abs(np.array(ours)[inner] - theirs[inner]).max()
            assert gap < 5e-4 * np.abs(theirs).max(), rate


def test_a_long_recording_is_written_in_chunks_as_python_does(
    driver, pages, clips, network_model, processor, tmp_path
):
    pause = np.zeros(8_000, dtype=np.float32)
    sound = np.concatenate([part for clip in clips[1] * 2 for part in (clip, pause)])
    assert len(sound) > 41 * 16_000  # three chunks
    soundfile.write(tmp_path / "long.wav", sound, 16_000, subtype="FLOAT")
    with served(pages["float32"]) as (_, address), opened(driver, address) as page:
        text = written(page, tmp_path / "long.wav")
        rows = page.eval_on_selector_all(
            "#words tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
    assert text == transcribe_long(network_model, processor, sound)
    hop, _ = frame_geometry(network_model.config)
    words = word_times(long_logits(network_model, processor, sound), processor, hop / 16_000)
    assert [row[0] for row in rows] == [word.text for word in words]
    assert [row[1] for row in rows] == [f"{word.start:.2f}" for word in words]
    assert [row[2] for row in rows] == [f"{word.end:.2f}" for word in words]
    shares = [float(row[3].removesuffix(" %")) / 100 for row in rows]
    assert np.allclose(shares, [word.confidence for word in words], atol=0.02)


# Keeps the samples that the page gives to its model. (Its player has them rounded to 16 bits, which
# moves a logit by up to 1.7.)
KEEP = """
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  if (message.samples) window.given = message.samples.slice();
  return post.call(this, message, ...rest);
};
window.lastSound = () => {
  let text = "";
  for (const byte of new Uint8Array(window.given.buffer)) text += String.fromCharCode(byte);
  return btoa(text);
};
null;
"""


def recorded(page, seconds):
    """(text, samples at 16 kHz) of a recording of `seconds`, as the page wrote and kept it."""
    page.click("#record")
    page.wait_for_selector("body[data-state=recording]")
    assert page.text_content("#record") == "Stop"
    page.wait_for_timeout(1000 * seconds)
    assert page.is_visible("#level") and page.text_content("#clock") != "0:00"
    page.click("#record")
    page.wait_for_selector("body[data-state=result]", timeout=60_000)
    samples = np.frombuffer(base64.b64decode(page.evaluate("lastSound()")), dtype="<f4")
    return page.text_content("#text"), samples


TIE = 0.05  # differences in the last bit of the samples move a logit by up to 0.02


def near_texts(logits, processor):
    """The greedy transcripts of logits of shape (frames, vocab), a tie decided in every way.

    Two letters tie where their logits lie within `TIE`: another processor's rounding may choose
    either.
    """
    paths = {()}
    for frame in logits:
        tied = torch.nonzero(frame >= frame.max() - TIE).flatten().tolist()
        paths = {path + (token,) for path in paths for token in tied}
        assert len(paths) <= 64, "ties everywhere: this is noise"
    return {processor.decode(torch.tensor(path)) for path in paths}


def test_a_tie_may_go_either_way_and_nothing_else_may(processor):
    tokens = processor.tokenizer.convert_tokens_to_ids
    logits = torch.zeros(3, len(processor.tokenizer))
    for frame, (letter, other, gap) in enumerate(
        [("A", "O", 0.2), ("B", "P", 0.01), ("E", "I", 9)]
    ):
        logits[frame, tokens(letter)], logits[frame, tokens(other)] = 10.0, 10.0 - gap
    assert near_texts(logits, processor) == {"ABE", "APE"}


PIECE = 3_200  # samples at 16 kHz, 0.2 s
ATTEMPTS = 4  # the pretended microphone drops sound where the machine is busy


def likeness(samples, clip):
    """1.0 where the pieces of `clip` lie in `samples` as they are, whatever their loudness; else near 0.

    The median over the louder half of the pieces: a gap that the microphone leaves spoils the pieces
    around it only, a wrong rate or a wrong channel spoils all.
    """
    pieces = [clip[k : k + PIECE] for k in range(0, len(clip) - PIECE + 1, PIECE)]
    pieces.sort(key=lambda piece: -np.sum(piece**2))
    energy = np.maximum(fftconvolve(samples**2, np.ones(PIECE), mode="valid"), 1e-9)
    found = [
        (fftconvolve(samples, piece[::-1], mode="valid") / np.sqrt(energy * np.sum(piece**2))).max()
        for piece in pieces[: -(-len(pieces) // 2)]
    ]
    return float(np.median(found))


def test_likeness_knows_the_clip_and_forgives_a_gap():
    noise = np.random.default_rng(0).normal(size=32_000)
    clip = noise[5_000:25_000]
    assert likeness(noise, clip) > 0.999
    gap = np.concatenate([noise[:12_000], np.zeros(4_000), noise[12_000:18_000], noise[20_000:]])
    assert likeness(gap, clip) > 0.999
    assert likeness(soxr.resample(noise, 16_000, 15_000), clip) < 0.5
    assert likeness(np.zeros(32_000), clip) < 0.5


@pytest.mark.parametrize("precision", PRECISIONS)
def test_ten_recordings_are_written_as_python_writes_them(
    driver, pages, clips, network_model, processor, tmp_path, precision
):
    session = open_onnx(pages[precision] / "model" / "model.onnx")

    def read(values):
        return torch.from_numpy(session.run(None, {"input_values": values[None]})[0][0])

    spoken, texts = tmp_path / "spoken.wav", []
    flags = [*FAKE, f"--use-file-for-fake-audio-capture={spoken}%noloop"]
    with (
        served(pages[precision]) as (_, address),
        opened(driver, address, flags, permissions=["microphone"]) as page,
    ):
        page.evaluate(KEEP)
        for clip in clips[1]:
            # The browser opens the file anew for each recording: its microphone says the next clip.
            sound = np.concatenate([np.zeros(8_000), clip, np.zeros(8_000)])
            soundfile.write(spoken, soxr.resample(sound, 16_000, 48_000), 48_000, subtype="PCM_16")
            for _ in range(ATTEMPTS):
                text, samples = recorded(page, len(sound) / 16_000 + 0.3)
                if (alike := likeness(samples, clip)) > 0.98:
                    break
            assert alike > 0.98
            logits = chunked_logits(read, network_model.config, processor, samples)
            assert text in near_texts(logits, processor)
            texts.append(text)
        assert page.trouble == []
    assert len({text for text in texts if len(text) > 3}) > 5


def test_it_opens_and_writes_with_its_server_gone(driver, pages, clips, expected):
    with served(pages["int8"]) as (server, address), opened(driver, address) as page:
        page.get_by_text("opens with the network off").wait_for(timeout=60_000)
        server.shutdown()
        server.server_close()
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector("body[data-state=ready]", timeout=60_000)
        assert written(page, clips[0][0]) == expected["int8"][0]


def test_any_web_server_will_do(driver, pages, clips, expected):
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=pages["int8"], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        port = server.stdout.readline().split("port ")[1].split()[0]
        with opened(driver, f"http://localhost:{port}/") as page:
            assert page.text_content("#about").startswith("1 thread,")
            assert written(page, clips[0][1]) == expected["int8"][1]
            assert page.trouble == []
    finally:
        server.terminate()
        server.wait()


def test_the_courses_server_allows_several_threads(driver, pages):
    with served(pages["int8"]) as (_, address), opened(driver, address) as page:
        assert page.evaluate("crossOriginIsolated") is True


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, which would take what is sent to it."""

    requests = []

    def do_GET(self):
        self.requests.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>elsewhere</p>")

    def log_message(self, *_):
        pass


def test_neither_page_nor_worker_can_send_anything_elsewhere(driver, pages):
    Elsewhere.requests.clear()
    other = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    target = f"http://localhost:{other.server_port}"
    ask = f"fetch('{target}/secret').then(() => 'sent', (error) => error.name)"
    try:
        with served(pages["int8"]) as (_, address), opened(driver, address) as page:
            assert page.evaluate(ask) == "TypeError"
            assert page.workers[0].url.startswith("blob:")  # the others are its threads
            assert page.workers[0].evaluate(ask) == "TypeError"
            page.evaluate(
                f"document.body.append(Object.assign(new Image(), {{src: '{target}/image'}}))"
            )
            page.evaluate(
                "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.ran = 1\">x</b>')"
            )
            page.click("body > b")
            assert page.evaluate("window.ran") is None
            assert any("Content Security Policy" in line for line in page.trouble)
            assert Elsewhere.requests == []
    finally:
        other.shutdown()
        other.server_close()


def test_the_other_site_would_have_been_reached_without_the_policy(driver):
    """Else the test above could not fail."""
    Elsewhere.requests.clear()
    other = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        with opened(driver, f"http://localhost:{other.server_port}/plain", wait="p",
                    ) as page:  # fmt: skip
            page.evaluate("fetch('/secret')")
        assert "/secret" in Elsewhere.requests
    finally:
        other.shutdown()
        other.server_close()


def test_names_that_would_be_scripts_are_shown_as_text(driver, lettered, clips, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    folder = tmp_path / evil
    shutil.copytree(lettered, folder)
    page_folder = build_page(folder, tmp_path / "page", "float32")
    sound = tmp_path / f"{evil}.flac"
    shutil.copy(clips[0][0], sound)
    empty = tmp_path / f"{evil}.wav"
    empty.write_bytes(b"no sound")
    with served(page_folder) as (_, address), opened(driver, address) as page:
        page.on("dialog", lambda dialog: page.trouble.append(dialog.message))
        assert evil in page.text_content("#model") and evil in page.title()
        written(page, sound)
        page.set_input_files("#file", empty)
        page.wait_for_selector("#trouble:visible")
        assert evil in page.text_content("#trouble")
        page.fill("#correct", f"{evil} one")
        assert page.query_selector("img") is None and page.trouble == []


def test_a_refused_microphone_is_explained_and_files_still_work(driver, pages, clips, expected):
    flags = ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]
    with served(pages["int8"]) as (_, address), opened(driver, address, flags) as page:
        page.click("#record")
        page.wait_for_selector("#trouble:visible")
        assert "was refused. Allow it" in page.text_content("#trouble")
        assert page.get_attribute("#trouble", "role") == "alert"
        assert page.text_content("#record") == "Record" and page.is_enabled("#record")
        assert written(page, clips[0][0]) == expected["int8"][0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "in use by another program"),
        ("SecurityError", "settings forbid"),
        ("OddError", "cannot be used (OddError)"),
    ],
)
def test_each_reason_of_a_silent_microphone_has_its_sentence(driver, pages, name, words):
    with served(pages["int8"]) as (_, address), opened(driver, address) as page:
        page.evaluate(
            "name => { navigator.mediaDevices.getUserMedia = "
            "() => Promise.reject(new DOMException('', name)); }",
            name,
        )
        page.click("#record")
        page.wait_for_selector("#trouble:visible")
        assert words in page.text_content("#trouble")


def test_an_insecure_address_is_named_as_the_reason(driver, pages, clips, expected, monkeypatch):
    # As from another static server: the course's own answers its own machine only.
    monkeypatch.setattr(web_page._Handler, "send_head", SimpleHTTPRequestHandler.send_head)
    rules = ["--host-resolver-rules=MAP page.test 127.0.0.1"]
    with served(pages["int8"]) as (server, _):
        address = f"http://page.test:{server.server_port}/"
        with opened(driver, address, rules) as page:
            page.click("#record")
            page.wait_for_selector("#trouble:visible")
            assert "https or from localhost" in page.text_content("#trouble")
            assert written(page, clips[0][0]) == expected["int8"][0]


def test_sound_that_cannot_be_used_is_refused_in_a_sentence(driver, pages, tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"this is no song" * 100)
    (tmp_path / "nothing.wav").write_bytes(b"")
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    with served(pages["int8"]) as (_, address), opened(driver, address) as page:
        for name, words in (
            ("song.mp3", "song.mp3 cannot be read"),
            ("nothing.wav", "nothing.wav cannot be read"),
            ("short.wav", "short.wav is too short"),
        ):
            page.evaluate("document.getElementById('trouble').hidden = true")
            page.set_input_files("#file", tmp_path / name)
            page.wait_for_selector("#trouble:visible")
            assert words in page.text_content("#trouble")
            assert page.is_enabled("#record")
        assert written(page, tmp_path / "silent.wav") is not None


def test_a_model_that_does_not_come_is_said(driver, pages, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(pages["int8"], broken)
    (broken / "model" / "model.onnx").unlink()
    with (
        served(broken) as (_, address),
        opened(driver, address, wait="body[data-state=failed]") as page,
    ):
        assert "model/model.onnx could not be loaded (status 404)" in page.text_content("#trouble")
        assert page.is_disabled("#record")


def test_the_typed_text_gives_the_wer_of_python(driver, pages, clips):
    with served(pages["int8"]) as (_, address), opened(driver, address) as page:
        text = written(page, clips[0][0])
        for typed in (text.lower(), "Thank you, good-bye!", "it’s one", "PLEASE " + text):
            page.fill("#correct", typed)
            score = wer([normalize(typed)], [text])
            assert page.text_content("#wer").startswith(f"WER {score:.2f}:"), typed
        page.fill("#correct", "press 1")
        assert "numbers as words" in page.text_content("#wer")
        page.fill("#correct", "  ?! ")
        assert "no word" in page.text_content("#wer")


def test_it_can_be_used_by_keyboard_and_read_aloud(driver, pages, clips):
    with served(pages["int8"]) as (_, address), opened(driver, address, FAKE) as page:
        reached = []
        for _ in range(3):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert reached == ["record", "file", "text"]
        page.focus("#record")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-state=recording]")
        page.wait_for_timeout(500)
        page.keyboard.press("Space")
        page.wait_for_selector("body[data-state=result]")
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input, textarea, meter, progress, canvas')]"
            ".filter(e => !e.textContent && !e.labels?.length && !e.getAttribute('aria-label'))"
            ".map(e => e.id)"
        )
        assert nameless == []
        assert page.get_attribute("#status", "role") == "status"
        assert page.get_attribute("#text", "aria-live") == "polite"
        assert page.get_attribute("html", "lang") == "en"
        levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(e => e.tagName)")
        assert levels[0] == "H1" and set(levels[1:]) == {"H2"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_has_contrast_and_axe_finds_nothing(driver, pages, clips, scheme):
    phone = dict(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    with served(pages["int8"]) as (_, address), opened(driver, address, **phone) as page:
        written(page, clips[0][0])
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for name in ("#record", ".file"):
            assert page.query_selector(name).bounding_box()["height"] >= 44
        for name in ("#model", "#text", "#status", "h2", "#record", "th", "a"):
            assert contrast(page, name) >= 4.5, name
        assert accessibility.violations(page, accessibility.source()) == {}


def contrast(page, name):
    """The contrast of an element's text to what is behind it, 1 to 21, as WCAG defines it."""
    colours = page.evaluate(
        "name => { let e = document.querySelector(name); const ink = getComputedStyle(e).color;"
        "const clear = 'rgba(0, 0, 0, 0)';"
        "while (getComputedStyle(e).backgroundColor === clear) e = e.parentElement;"
        "return [ink, getComputedStyle(e).backgroundColor]; }",
        name,
    )

    def luminance(colour):
        parts = [float(part) / 255 for part in colour.split("(")[1].rstrip(")").split(",")[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted(map(luminance, colours))
    return (high + 0.05) / (low + 0.05)


def test_a_newer_sound_takes_the_place_of_one_still_at_work(
    driver, pages, clips, expected, tmp_path
):
    soundfile.write(tmp_path / "long.wav", np.tile(clips[1][0], 60), 16_000)
    with served(pages["int8"]) as (_, address), opened(driver, address) as page:
        page.set_input_files("#file", tmp_path / "long.wav")
        page.wait_for_selector("body[data-state=working]")
        assert written(page, clips[0][3]) == expected["int8"][3]
        page.wait_for_timeout(1500)
        assert page.text_content("#text") == expected["int8"][3]
