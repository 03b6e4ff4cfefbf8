"""The recorder in a real Chromium whose microphone is a sound file."""

import csv

import accessibility
import numpy as np
import pytest
import soundfile

from asr_helpers.recorder import open_recorder
from tools import chromium

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
CHROMIUM = chromium.installed()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason=f"needs {chromium.NEED}"),
]
# No name but localhost's is ever looked up: what would leave the machine fails.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]  # fmt: skip
WAIT = 60_000  # ms


def sound(path, loud):
    """A tone that comes and goes, or silence: what the fake microphone plays."""
    times = np.arange(4 * 48_000) / 48_000
    wave = loud * np.sin(2 * np.pi * 300 * times) * (1 + np.sin(2 * np.pi * 3 * times)) / 2
    soundfile.write(path, wave, 48_000)
    return path


class Browser:
    """A page of the recorder in a new Chromium."""

    def __init__(self, driver, address, microphone):
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
        self.browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        self.page = self.browser.new_context(permissions=["microphone"]).new_page()
        self.requests, self.trouble = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.goto(address.replace("127.0.0.1", "localhost"))
        self.page.wait_for_selector("#sentence", timeout=WAIT)

    def record(self, wanted):
        self.page.click("#microphone button:has-text('Record')", timeout=WAIT)
        self.page.wait_for_timeout(2000)
        self.page.click("#microphone .stop-button:visible", timeout=WAIT)
        self.page.wait_for_selector(wanted, timeout=WAIT)

    def text(self, where):
        return self.page.inner_text(where)


@pytest.fixture(scope="module")
def driver():
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture
def opened(driver, tmp_path):
    """opened(loud) gives a Browser on a recorder of the same folder."""
    pages, browsers = [], []

    def start(loud=0.3):
        page, address = open_recorder(tmp_path / "recordings")
        pages.append(page)
        browsers.append(Browser(driver, address, sound(tmp_path / "microphone.wav", loud)))
        return browsers[-1]

    yield start
    for one in browsers:
        one.browser.close()
    for page in pages:
        page.close(verbose=False)


def rows(folder):
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sentence_is_recorded_kept_at_once_and_the_next_session_goes_on(opened, tmp_path):
    folder = tmp_path / "recordings"
    browser = opened()
    assert str(folder) in browser.text("body") and "0 of 60" in browser.text("#progress")
    assert browser.text("#secure").strip() == ""  # localhost is given a microphone
    sentence = browser.text("#sentence")
    browser.record("#look meter")
    # It is on the disk before anything else is pressed: a tab that closes now loses nothing.
    assert soundfile.info(folder / "prompt-001.wav").duration > 0.5
    array, _ = soundfile.read(folder / "prompt-001.wav")
    assert np.abs(array).max() > 0.05
    assert [row["transcription"] for row in rows(folder)] == [sentence]
    assert "1 of 60" in browser.text("#progress") and "peak" in browser.text("#look")
    browser.page.wait_for_selector("#kept:visible", timeout=WAIT)  # to play it back
    assert browser.page.locator("#look svg rect").count() == 400
    first = (folder / "prompt-001.wav").read_bytes()
    browser.page.evaluate("document.querySelector('#look').dataset.old = 1")
    browser.record("#look meter")  # anew
    browser.page.wait_for_timeout(3000)
    assert (folder / "prompt-001.wav").read_bytes() != first and len(rows(folder)) == 1
    browser.page.click("#next")
    browser.page.wait_for_function(
        "old => document.querySelector('#sentence').innerText != old", arg=sentence, timeout=WAIT
    )
    second = browser.text("#sentence")
    assert not browser.trouble
    assert all("//localhost" in u or u.startswith(("data:", "blob:")) for u in browser.requests
               if "fonts." not in u)  # fmt: skip
    browser.browser.close()
    again = opened()
    assert again.text("#sentence") == second and "1 of 60" in again.text("#progress")


def test_silence_is_refused_with_a_warning_and_keeps_nothing(opened, tmp_path):
    browser = opened(loud=0.0)
    browser.record("#look [role=alert]")
    assert "almost silent" in browser.text("#look") and "0 of 60" in browser.text("#progress")
    assert not (tmp_path / "recordings").exists()
    assert accessibility.violations(browser.page, accessibility.source()) == {}
