"""Pictures of the web page in its four states; the README shows one of them.

    python -m tools.screenshots [FOLDER]

Start, recording, result and a refused microphone, in headless Chromium at the width of a telephone
and of a screen, light and dark: FOLDER (build/screenshots) gets `STATE-WIDTH-SCHEME.png`. The
microphone is a clip of the validation split. The README's picture, docs/web_page.png, is
`result-wide-light.png`.
"""

import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import soundfile
import soxr

from asr_helpers.audio import Audio
from asr_helpers.corpus import load_corpus
from asr_helpers.finished import finished_model
from asr_helpers.profiles import load_profile
from asr_helpers.text import normalize
from asr_helpers.web_page import build_page, open_server
from tools import chromium

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"wide": {"width": 900, "height": 760}, "phone": {"width": 390, "height": 760}}
CLIP = 6  # of the validation split


def spoken(path: Path) -> tuple[str, float]:
    """Write the clip as the browser's microphone reads it; its normalised text and seconds."""
    row = load_corpus()["validation"].cast_column("audio", Audio(sampling_rate=16_000))[CLIP]
    sound = np.concatenate([np.zeros(8_000), row["audio"]["array"], np.zeros(16_000)])
    soundfile.write(path, soxr.resample(sound, 16_000, 48_000), 48_000, subtype="PCM_16")
    return normalize(row["transcription"]), len(sound) / 16_000


def take(driver, address: str, sound: Path, text: str, seconds: float, name: str, folder: Path):
    """The four pictures of one size and scheme, `name` being "SIZE-SCHEME"."""
    size, scheme = name.split("-")
    context = {"viewport": SIZES[size], "color_scheme": scheme}
    fake = ["--use-fake-device-for-media-stream"]
    allowed = [
        *fake, "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={sound}%noloop",
    ]  # fmt: skip
    for flags, refused in ((allowed, False), ([*fake, "--deny-permission-prompts"], True)):
        browser = driver.chromium.launch(
            executable_path=chromium.required(), args=["--no-sandbox", *flags]
        )
        page = browser.new_page(**context)
        page.goto(address)
        page.wait_for_selector("body[data-state=ready]", timeout=60_000)
        if not refused:
            page.screenshot(path=folder / f"start-{name}.png")
        page.click("#record")
        if refused:
            page.wait_for_selector("#trouble:visible")
            page.screenshot(path=folder / f"refused-{name}.png")
        else:
            page.wait_for_timeout(1000 * (seconds - 1))
            page.screenshot(path=folder / f"recording-{name}.png")
            page.wait_for_timeout(1500)  # until the clip and its pause are over
            page.click("#record")
            page.wait_for_selector("body[data-state=result]", timeout=60_000)
            page.fill("#correct", text)
            page.screenshot(path=folder / f"result-{name}.png", full_page=True)
        browser.close()


def main(folder: str = "build/screenshots") -> None:
    """Build the page, serve it and photograph it.

    Raises:
        FileNotFoundError: Chromium is missing; the message says what to install.
    """
    chromium.required()
    from playwright.sync_api import sync_playwright

    place = ROOT / folder
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        sound = Path(temporary) / "spoken.wav"
        text, seconds = spoken(sound)
        model = Path(finished_model(load_profile("offline")).place)
        server = open_server(build_page(model, Path(temporary) / "page", "int8"))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}/"
        for name in ("wide-light", "wide-dark", "phone-light"):
            take(driver, address, sound, text, seconds, name, place)
        server.shutdown()
        server.server_close()
    print(f"pictures in {place}")


if __name__ == "__main__":
    main(*sys.argv[1:])
