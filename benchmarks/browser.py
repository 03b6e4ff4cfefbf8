"""How large, quick to load and fast is the web page of lesson 11, in a real browser?

    python -m benchmarks.browser [--quick]

A server on this machine serves the page of the fine-tuned model, in each precision, to a headless
Chromium with one thread. Measured are the folder's size, the seconds until the page is ready, and
the seconds for a second of speech, on clips of the validation split that the page gets as files.
Whisper tiny.en through faster-whisper, where it is installed, transcribes as many clips of the test
split outside the browser, with one thread. Without Chromium or playwright nothing is measured, and
the result says so.
"""

import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from benchmarks.common import alone, measured, save, spread, summary
from tools import chromium

PRECISIONS = ("float32", "float16", "int8")
CLIPS, ROUNDS, RATE = 12, 3, 16_000
WHISPER = "Whisper tiny.en, beam 1"
FINISHED = "body[data-state=result], body[data-state=ready]"


def lacking():
    """What has to be installed to measure anything, or None."""
    if not chromium.installed():
        return chromium.NEED
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright: pip install playwright"
    return None


class Quiet(SimpleHTTPRequestHandler):
    """A plain static web server: it sends no header that would allow several threads."""

    def log_message(self, *_):
        pass


def timed_page(address, paths):
    """(seconds until ready, seconds of each file) of a page in a new browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        options = {
            "executable_path": chromium.required(),
            "args": ["--no-sandbox", "--disable-gpu"],
        }
        browser = driver.chromium.launch(**options)
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(address)
        page.wait_for_selector("body[data-state=ready]", timeout=120_000)
        ready, seconds = time.perf_counter() - start, []
        for path in paths:
            page.evaluate("document.body.dataset.state = 'asked'")
            start = time.perf_counter()
            page.set_input_files("#file", path)
            page.wait_for_selector(FINISHED, timeout=120_000)
            seconds.append(time.perf_counter() - start)
        browser.close()
    return ready, seconds


def measure(precision, paths):
    """One page, once: {"megabytes", "ready_seconds", "real_time_factor"}."""
    import soundfile

    from asr_helpers.finished import finished_model
    from asr_helpers.profiles import load_profile
    from asr_helpers.web_page import build_page

    spoken = sum(soundfile.info(path).duration for path in paths)
    with tempfile.TemporaryDirectory() as folder:
        page = build_page(
            Path(finished_model(load_profile("offline")).place), Path(folder) / "page", precision
        )
        size = sum(file.stat().st_size for file in page.rglob("*") if file.is_file()) / 1e6
        handler = lambda *arguments: Quiet(*arguments, directory=page)  # noqa: E731
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ready, seconds = timed_page(f"http://localhost:{server.server_port}/", paths)
        server.shutdown()
        server.server_close()
    # The first clip also prepares the runtime: it is left out.
    rest = sum(seconds[1:]) / (spoken - soundfile.info(paths[0]).duration)
    return {"megabytes": size, "ready_seconds": ready, "real_time_factor": rest}


def write_files(folder, count):
    """Clips of the validation split as 16 kHz WAV files; where they lie."""
    import soundfile

    from asr_helpers.audio import Audio
    from asr_helpers.corpus import load_corpus

    rows = load_corpus()["validation"].cast_column("audio", Audio(sampling_rate=RATE))
    chosen = np.random.default_rng(0).permutation(len(rows))[:count].tolist()
    paths = []
    for number, row in enumerate(rows.select(chosen)):
        paths.append(str(Path(folder) / f"{number:02d}.wav"))
        soundfile.write(paths[-1], row["audio"]["array"], RATE)
    return paths


def run(quick):
    """Every precision in turn, round after round, and Whisper once a round."""
    from benchmarks import transcription

    if lack := lacking():
        print(f"browser: left out; it needs {lack}")
        return {"systems": [], "left_out": lack}
    rounds, found = 1 if quick else ROUNDS, {name: [] for name in PRECISIONS}
    whisper = [] if not transcription.missing(WHISPER) and not quick else None
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(folder, 3 if quick else CLIPS)
        for number in range(rounds):
            for name in PRECISIONS:
                found[name].append(measured("browser", precision=name, paths=paths))
                print(f"  round {number + 1} of {rounds}, {name}: {found[name][-1]}", flush=True)
            if whisper is not None:
                transcription.write_clips()
                whisper.append(
                    measured("transcription", system=WHISPER, threads=1, rows=list(range(CLIPS)))
                )
    rows = [
        {
            "system": f"page, {name}", "megabytes": one[0]["megabytes"],
            "ready_seconds": summary([r["ready_seconds"] for r in one]),
            "real_time_factor": summary([r["real_time_factor"] for r in one]),
        }
        for name, one in found.items()
    ]  # fmt: skip
    if whisper:
        rows.append({
            "system": "Whisper tiny.en, outside the browser", "megabytes": whisper[0]["megabytes"],
            "ready_seconds": summary([r["import_seconds"] + r["load_seconds"] for r in whisper]),
            "real_time_factor": summary([r["real_time_factor"] for r in whisper]),
        })  # fmt: skip
    return {"systems": rows, "left_out": None, "clips": CLIPS if not quick else 3}


def table(result):
    """Lines for people."""
    if result["left_out"]:
        return [f"browser: left out; it needs {result['left_out']}"]
    lines = [f"{'browser, one thread':<40}{'MB':>8}{'s until ready':>24}{'RTF':>24}"]
    for row in result["systems"]:
        lines.append(
            f"{row['system']:<40}{row['megabytes']:>8.1f}{spread(row['ready_seconds'], 1):>24}"
            f"{spread(row['real_time_factor'], 3):>24}"
        )
    return lines


def draw(result):
    """The folders' sizes and the real-time factors, side by side."""
    import matplotlib.pyplot as plt

    from asr_helpers import plots

    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", sharey=True)
    names = [row["system"] for row in result["systems"]]
    sizes = [row["megabytes"] for row in result["systems"]]
    factors = [row["real_time_factor"]["median"] for row in result["systems"]]
    axes[0].barh(names, sizes, color=plots.BLUE)
    axes[0].set(xlabel="MB on disk", title=result["left_out"] or "What a visitor loads")
    axes[0].invert_yaxis()
    axes[1].barh(names, factors, color=plots.ORANGE)
    axes[1].set(xlabel="seconds for a second of speech, one thread", title="How fast it writes")
    save(figure, "browser")


if __name__ == "__main__":
    alone("browser")
