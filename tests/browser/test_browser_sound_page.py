"""The sound check in a real Chromium, with and without a microphone."""

import shutil

import accessibility
import pytest

from tools.sound_page import SoundPage

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium, such as `apt-get install chromium`"),
]


@pytest.fixture
def answered():
    """answered(flags, heard) goes through the page; (answers, texts, requests)."""
    page = SoundPage()

    def run(*flags, heard):
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *flags]
            )
            view = browser.new_page()
            requests = []
            view.on("request", lambda request: requests.append(request.url))
            view.goto(page.address)
            view.evaluate("document.getElementById('sound').play()")
            view.wait_for_function("document.getElementById('sound').currentTime > 0.2")
            view.click("#record")
            view.click(heard)
            view.wait_for_function("document.getElementById('told').textContent.startsWith('Done')")
            broken = accessibility.violations(view, accessibility.source())
            browser.close()
        assert broken == {}
        return page.wait(10), requests

    yield run
    page.close()


def test_a_sound_is_played_and_recorded_and_nothing_leaves_the_machine(answered):
    answers, requests = answered(
        "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", heard="#heard"
    )
    assert answers["heard"] is True and answers["peak"] > 0.01 and not answers["trouble"]
    assert all(url.startswith(("http://127.0.0.1:", "blob:")) for url in requests)


def test_without_a_microphone_the_browsers_reason_comes_back(answered):
    answers, _ = answered(heard="#silent")
    assert answers["heard"] is False and answers["peak"] is None
    assert answers["trouble"] in ("NotFoundError", "NotAllowedError")
