"""A page in the browser that records prompts, one after another.

In a terminal: `python -m asr_helpers.recorder`, or with a folder and sentences of your own:
`python -m asr_helpers.recorder my_folder --prompts my_sentences.tsv`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from asr_helpers.audio import AudioError
from asr_helpers.folder import SILENT
from asr_helpers.page import on_colab, open_page, recordings
from asr_helpers.profiles import OFFLINE
from asr_helpers.report import in_code
from asr_helpers.takes import PROMPTS, QUIET, Look, TakeError, Takes, load_prompts

TITLE = "Record your voice"
# A browser gives the microphone only to pages of its own machine, or under https.
SECURE = """() => (window.isSecureContext && navigator.mediaDevices) ? "" :
"<b>This browser does not give this page a microphone.</b> Browsers do so only for the address " +
"<code>localhost</code> or with <code>https</code>. If the course runs on another machine, forward " +
"the page's port to yours (<code>ssh -L 7860:localhost:7860 that-machine</code>), open " +
"<code>http://localhost:7860</code>, and record there. Or record on your own machine with " +
"<code>.venv/bin/python -m asr_helpers.recorder</code> (Windows: " +
"<code>.venv\\\\Scripts\\\\python -m asr_helpers.recorder</code>), and copy the folder." """


def make_recorder(takes: Takes):
    """A Gradio page that shows prompts and stores recordings. Open it with `open_page`.

    Recordings go to `takes.folder` on the machine that runs this, and nowhere else. A page that is
    opened later goes on with the first prompt that is not recorded.

    Returns:
        A `gradio.Blocks`.
    """
    import gradio as gr

    os.environ["GRADIO_TEMP_DIR"] = str(recordings())  # copies for the browser; removed on closing

    def shown(number, look=None, trouble=""):
        """What each part of the page shows at prompt `number`."""
        look = look or takes.look(number)
        heard = (look.rate, (np.clip(look.array, -1, 1) * 32767).astype(np.int16)) if look else None
        return (
            number, progress_html(takes), prompt_html(takes, number), None,
            trouble_html(trouble) + (look_html(look) if look else ""),
            gr.Audio(value=heard, visible=heard is not None),
        )  # fmt: skip

    def start():
        """The page at the first prompt without a recording, else at the last prompt."""
        following = takes.next()
        return shown(len(takes.prompts) - 1 if following is None else following)

    def recorded(number, path):
        if path is None:
            return shown(number, trouble="Nothing was recorded: press Record, and read aloud.")
        try:
            return shown(number, takes.keep(number, path))
        except (TakeError, AudioError, OSError) as error:
            return shown(number, trouble=str(error))

    def go_on(number):
        following = takes.next(number)
        return shown(number if following is None else following)

    whose = " (here a machine of Google)" if on_colab() else ""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.Markdown(
            f"# {TITLE}\nRecordings are kept in {in_code(str(takes.folder))}, on the machine that runs the "
            f"course{whose}. They are sent nowhere else. "
            "Delete that folder, and the recordings are gone. Lesson 09 lists what else to delete, "
            "such as a model that learned from them.\n\n"
            "Press **Record**, read the sentence aloud as you would say it, press **Stop**. It is "
            "kept at once. Listen; if you misread, record anew. You may close this page at any "
            "time, and go on later."
        )
        secure = gr.HTML(elem_id="secure")
        number = gr.State(0)
        progress, prompt = gr.HTML(elem_id="progress"), gr.HTML(elem_id="prompt")
        microphone = gr.Audio(
            sources=["microphone"], type="filepath", format="wav", label="Your voice",
            editable=False, elem_id="microphone",
        )  # fmt: skip
        with gr.Row():
            back = gr.Button("◀ Back", elem_id="back")
            ahead = gr.Button("Ahead ▶", elem_id="ahead")
            following = gr.Button("Next sentence", elem_id="next")
        look = gr.HTML(elem_id="look")
        heard = gr.Audio(
            label="What was kept", interactive=False, visible=False, elem_id="kept", buttons=[]
        )
        parts = [number, progress, prompt, microphone, look, heard]
        quiet = dict(show_progress="hidden", api_visibility="private")
        page.load(start, None, parts, **quiet)
        page.load(None, None, secure, js=SECURE)
        microphone.stop_recording(recorded, [number, microphone], parts, **quiet)
        last = len(takes.prompts) - 1
        back.click(lambda one: shown(max(0, one - 1)), number, parts, **quiet)
        ahead.click(lambda one: shown(min(last, one + 1)), number, parts, **quiet)
        following.click(go_on, number, parts, **quiet)
    return page.queue(max_size=8, default_concurrency_limit=1)


def progress_html(takes: Takes) -> str:
    """How much is recorded, as a bar and in words."""
    done, total = len(takes.kept()), len(takes.prompts)
    train, test = takes.count("train"), takes.count("test")
    return (
        f'<progress max="{total}" value="{done}" style="width:100%">{done} of {total}</progress>'
        f"<div>{done} of {total} sentences recorded: {train} to train on, {test} to test on</div>"
    )


def prompt_html(takes: Takes, number: int) -> str:
    """The sentence to read."""
    sentence, split = takes.prompts[number]
    state = "recorded" if takes.path(number).is_file() else "not recorded yet"
    return (
        f"<div>Sentence {number + 1} of {len(takes.prompts)} ({split}, {state})</div>"
        f'<div id="sentence" style="font-size:2em;line-height:1.4">{escape(sentence)}</div>'
    )


def trouble_html(message: str) -> str:
    """A message that something is wrong, or nothing."""
    return f'<div role="alert"><b>⚠ {escape(message)}</b></div>' if message else ""


def look_html(look: Look, columns: int = 400, height: int = 80) -> str:
    """A recording's waveform, its level, and its warnings."""
    edges = np.linspace(0, len(look.array), columns + 1).astype(int)
    bars = []
    for place, (start, stop) in enumerate(zip(edges, edges[1:])):
        part = np.clip(look.array[start : max(stop, start + 1)], -1, 1)
        low, high = (float(end) for end in (part.min(initial=0.0), part.max(initial=0.0)))
        top, size = (1 - high) * height / 2, max(1.0, (high - low) * height / 2)
        colour = "#D55E00" if max(high, -low) > 0.98 else "#0072B2"
        bars.append(
            f'<rect x="{place}" y="{top:.1f}" width="1" height="{size:.1f}" fill="{colour}"/>'
        )
    told = f"{look.seconds:.1f} s, peak {look.peak:.0f} dB, level {look.level:.0f} dB"
    # The best level lies between quiet and full scale.
    meter = (
        f'<meter min="-60" max="0" low="{max(QUIET, SILENT):.0f}" high="-1" optimum="-10" '
        f'value="{max(look.peak, -60):.0f}" style="width:100%">{look.peak:.0f} dB</meter>'
    )
    return (
        f'<svg role="img" aria-label="Waveform: {told}" viewBox="0 0 {columns} {height}" '
        f'preserveAspectRatio="none" style="width:100%;height:{height}px">{"".join(bars)}</svg>'
        f"{meter}<div>{told}</div>{''.join(map(trouble_html, look.warnings))}"
    )


def open_recorder(
    folder: str | Path,
    block: bool = False,
    port: int | None = None,
    prompts: str | Path = PROMPTS,
):
    """Open the recorder for a folder: (the page, its address). Close it with `page.close()`.

    Args:
        folder: for the recordings; earlier recordings in it are kept.
        block: wait until the process is interrupted; False returns at once, as notebooks want.
        port: with None, the first free port from 7860 on.
        prompts: the sentences to read, as `load_prompts` reads them.

    Raises:
        FileNotFoundError, ValueError: see `load_prompts` and `Takes`.
    """
    page = make_recorder(Takes(folder, load_prompts(prompts)))
    return page, open_page(page, block=block, port=port)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record until Ctrl-C, and return 0; after an error, return 2 with a sentence on stderr."""
    made = argparse.ArgumentParser(
        prog="python -m asr_helpers.recorder", description=__doc__.partition("\n")[0]
    )
    made.add_argument(
        "folder", type=Path, nargs="?", default=OFFLINE.recordings,
        help="for the recordings; give each speaker a folder (default: %(default)s)",
    )  # fmt: skip
    made.add_argument(
        "--prompts", type=Path, default=PROMPTS,
        help="sentences of your own, as UTF-8 text. The first line is the word split, a tab, and the "
        "word sentence. Each line below is train or test, a tab, and a sentence",
    )  # fmt: skip
    options = made.parse_args(arguments)
    try:
        page, address = open_recorder(options.folder, prompts=options.prompts)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(
        f"Open {address} in a browser. Recordings go to {options.folder.resolve()}. Ctrl-C ends it."
    )
    page.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
