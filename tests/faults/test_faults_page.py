"""What visitors do to the page: huge files, wrong ones, many at once; and who can reach it at all."""

import http.client
import os
import socket
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
import soundfile
from processes import environment

from asr_helpers.inference import transcribe
from asr_helpers.page import ask_page, make_page, open_page, recordings

ROOT = Path(__file__).parent.parent.parent
RATE = 16_000
LIMIT = 20 * 2**20  # bytes, what open_page takes when told nothing else
GIGABYTE = 2**30
VISITORS = 20


@pytest.fixture(scope="module")
def model(processor, profile):
    from asr_helpers.model import load_base_model

    return load_base_model(profile.base_model, processor, seed=0)


@pytest.fixture(scope="module")
def address(model, processor):
    page = make_page(model, processor, max_seconds=3.0)
    yield open_page(page)
    page.close()


@pytest.fixture
def clip(tmp_path):
    """A second of noise, as samples and as a file."""
    wave = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    soundfile.write(tmp_path / "clip.wav", wave, RATE, subtype="FLOAT")
    return wave, tmp_path / "clip.wav"


def upload(address, size):
    """Send a file of `size` zeros as a browser does; the status, the answer, and the bytes sent."""
    begin = (
        b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n"
    )
    end, block, sent = b"\r\n--edge--\r\n", bytes(2**20), 0
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=edge")
    connection.putheader("Content-Length", str(len(begin) + size + len(end)))
    connection.endheaders(begin)
    try:
        while sent < size:
            connection.send(block[: size - sent])
            sent += min(len(block), size - sent)
        connection.send(end)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the page hung up: its answer was sent before
    try:
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), sent
    except (http.client.HTTPException, ConnectionResetError):
        return None, "hung up", sent
    finally:
        connection.close()


def test_a_gigabyte_is_refused_and_the_page_goes_on(address, model, processor, clip):
    own = psutil.Process()
    before = own.memory_info().rss
    status, said, _ = upload(address, GIGABYTE)
    # It may hang up while the rest is still on its way: what matters is that it did not take it.
    assert status in (413, None), said
    assert own.memory_info().rss - before < GIGABYTE / 2
    assert ask_page(address, clip[1]) == transcribe(model, processor, [clip[0]])[0]


@pytest.mark.parametrize(("size", "status"), [(LIMIT - 1000, 200), (LIMIT + 1000, 413)])
def test_the_limit_is_where_it_was_set(address, size, status):
    """A file just too large is answered with the reason, one just small enough is taken."""
    found, said, _ = upload(address, size)
    assert found == status
    assert status == 200 or f"maximum allowed size of {LIMIT} bytes" in said


WRONG = {
    "a picture": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "a program": ("a.exe", b"MZ" + bytes(100)),
    "a page": ("a.html", b"<script>alert(1)</script>"),
    "nothing at all": ("a.wav", b""),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_sound_is_refused_with_what_to_do(address, tmp_path, kind):
    name, data = WRONG[kind]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RuntimeError, match="cannot be read as WAV, FLAC, Ogg, Opus or MP3"):
        ask_page(address, tmp_path / name)


def test_twenty_visitors_at_once_are_all_answered(address, model, processor, clip):
    """With the text, or with the word that the queue is full; and the next one is served."""
    wave, path = clip
    text = transcribe(model, processor, [wave])[0]

    def visit(_):
        try:
            return ask_page(address, path)
        except RuntimeError as error:
            return str(error)

    with ThreadPoolExecutor(VISITORS) as pool:
        answers = list(pool.map(visit, range(VISITORS)))
    others = {answer for answer in answers if answer != text}
    assert answers.count(text) >= 8  # as many as may wait
    assert all("queue is full: try again" in answer for answer in others), others
    assert ask_page(address, path) == text


def test_asking_it_reports_to_nobody(address, clip, monkeypatch):
    from gradio_client import Client

    told = []
    monkeypatch.delenv("GRADIO_ANALYTICS_ENABLED", raising=False)
    monkeypatch.setattr(Client, "_telemetry_thread", lambda self: told.append(self))
    ask_page(address, clip[1])
    assert told == []
    Client(address, verbose=False, analytics_enabled=True).close()
    assert len(told) == 1  # else `told` could not show a report at all


def test_only_this_machine_reaches_it(address):
    port = urlsplit(address).port
    own = psutil.Process(os.getpid())
    listening = {c.laddr.ip for c in own.net_connections("inet") if c.laddr.port == port}
    listening = {ip for ip in listening if ip}
    assert listening == {"127.0.0.1"}
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass  # the page answers at this port; else the line above would show nothing


def asked_as(address, host, path="/"):
    """The status that a browser gets if it asks for the page under another host's name."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_foreign_host_is_refused_on_every_route(address):
    """A website whose name suddenly resolves to 127.0.0.1 must not reach the page in a browser."""
    port = urlsplit(address).port
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/upload"):
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
            assert asked_as(address, host, path) == 400, (host, path)
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):
        assert asked_as(address, host) == 200


def test_recordings_lie_in_a_private_folder_that_is_emptied_when_the_page_closes(
    model, processor, clip
):
    page = make_page(model, processor, max_seconds=3.0)
    where = open_page(page)
    ask_page(where, clip[1])
    folder = recordings()
    assert list(folder.rglob("*.wav"))
    assert os.name == "nt" or folder.stat().st_mode & 0o077 == 0
    page.close()
    assert list(folder.iterdir()) == []


LEFT = """
import sys, time
from asr_helpers.page import recordings
(recordings() / "voice.wav").write_bytes(b"secret")
print(recordings(), flush=True)
sys.stdin.readline()
"""


def start(code, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(TMPDIR=str(folder)), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    return process, Path(process.stdout.readline().strip())


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_what_a_killed_page_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    killed, left = start(LEFT, tmp_path)
    killed.kill()
    killed.communicate()
    assert (left / "voice.wav").exists()
    alive, mine = start(LEFT, tmp_path)
    (tmp_path / "asr-course-page-notes-of-mine").mkdir()
    last, _ = start(LEFT, tmp_path)
    assert not left.exists()
    assert (mine / "voice.wav").exists() and (tmp_path / "asr-course-page-notes-of-mine").exists()
    for process in (alive, last):
        process.communicate("go on\n")
    assert not list(tmp_path.glob("asr-course-page-[0-9]*"))  # ended in order: nothing is left


def test_on_colab_the_page_is_shown_through_its_proxy_and_not_shared(
    model, processor, clip, monkeypatch
):
    """With a stand-in: what gradio hands to the notebook is the script that asks Colab's proxy."""
    import gradio.blocks
    import IPython.display

    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(gradio.blocks.utils, "colab_check", lambda: True)
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda *objects, **_: shown.extend(objects))
    page = make_page(model, processor, max_seconds=3.0)
    try:
        open_page(page)
        (script,) = shown
        assert (
            "google.colab.kernel.proxyPort" in script.data and str(page.server_port) in script.data
        )
        assert not page.share and page.share_url is None
        plain = f"http://127.0.0.1:{page.server_port}/"
        assert asked_as(plain, "a-proxy.example") == 200
    finally:
        page.close()
