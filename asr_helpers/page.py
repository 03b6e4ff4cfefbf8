"""A page in the browser that transcribes a recording or a file."""

import atexit
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from html import escape
from pathlib import Path

import psutil

from asr_helpers.audio import AudioError, read_audio
from asr_helpers.long_form import transcribe_long

TITLE = "Your own voice"
WHAT = "Record, or drop a file (WAV, FLAC, Ogg, Opus or MP3). The sound stays on "

PREFIX = "asr-course-page-"


@cache
def recordings() -> Path:
    """This process's private folder for what people record or upload.

    It is emptied when the process ends. If a process was killed, the next page that opens removes
    its files.
    """
    _remove_left()
    process = psutil.Process()
    # A later process may get the same number, but not the same number and the same start time.
    name = f"{PREFIX}{process.pid}-{process.create_time():.0f}-"
    folder = Path(tempfile.mkdtemp(prefix=name))  # only its owner may read it
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _remove_left():
    """Remove this user's folders of recordings whose processes are no longer there."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*-*"):
        number, start = folder.name.removeprefix(PREFIX).split("-")[:2]
        if not all(re.fullmatch("[0-9]{1,10}", part) for part in (number, start)):
            continue  # not ours
        own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
        try:
            runs = round(psutil.Process(int(number)).create_time()) == int(start)
        except psutil.NoSuchProcess:
            runs = False
        if own and not runs and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _empty(folder):
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def on_colab() -> bool:
    """Whether this runs in Google Colab, where a page is reached only through Colab's proxy."""
    return "google.colab" in sys.modules


def this_machine() -> str:
    """What a page calls the machine that the course runs on."""
    return "this machine, which is Google's" if on_colab() else "this machine"


def make_page(model, processor, max_seconds=120.0):
    """A Gradio page: sound in, text out. Open it with `open_page`.

    One recording at a time goes through the model, eight may wait; nothing is reported to anyone.
    Its function is open to programs too, as `/transcribe`.

    Args:
        model: a CTC model.
        processor: the model's.
        max_seconds: longer sound is refused.

    Returns:
        A `gradio.Blocks`. Sound that is missing, unreadable, too short or too long is answered
        with a `gradio.Error` that says what to do.
    """
    import gradio as gr

    os.environ["GRADIO_TEMP_DIR"] = str(recordings())  # gradio has no other way to be told
    rate = processor.feature_extractor.sampling_rate

    def refuse(message):
        return gr.Error(escape(message, quote=False), print_exception=False)

    def write(path):
        if path is None:
            raise refuse("There is no sound yet: record some, or drop a file, then press Submit.")
        try:
            array, _ = read_audio(path, rate, name="This file")
        except AudioError as error:
            raise refuse(str(error).split(" Replace the file")[0]) from error
        seconds = len(array) / rate
        if seconds > max_seconds:
            raise refuse(
                f"This sound lasts {seconds:.0f} s, and the page takes {max_seconds:.0f} s at "
                "most: cut it, or use transcribe_long in Python."
            )
        try:
            return transcribe_long(model, processor, array)
        except ValueError as error:
            raise refuse(f"This sound cannot be written down. {error}") from error

    page = gr.Interface(
        write,
        gr.Audio(sources=["microphone", "upload"], type="filepath", label="Sound"),
        gr.Textbox(label="Text", lines=4, buttons=["copy"]),
        title=TITLE,
        description=f"{WHAT}{this_machine()}.",
        api_name="transcribe",
        flagging_mode="never",
        analytics_enabled=False,
        delete_cache=(600, 600),  # while the page is open: files older than ten minutes
    )
    return page.queue(max_size=8, default_concurrency_limit=1)


def open_page(page, max_file_size="20mb", block=False, port=None):
    """Serve the page to this machine alone, and return its address, such as "http://127.0.0.1:7860/".

    Close the page with `page.close()`, which also removes all recordings. Both also happen when the
    process ends. The page refuses files larger than `max_file_size`. It also refuses requests for
    another host than this machine, which a foreign web page could send through a browser.

    On Colab the page is shown below the cell, through Colab's own proxy: only the browser that has
    the notebook open reaches it. (Gradio's `share=True` would give anybody with its link access.)

    Args:
        page: from `make_page`.
        max_file_size: such as "20mb".
        block: wait until the process is interrupted; False returns at once, as notebooks want.
        port: with None, the first free port from 7860 on.
    """
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    _empty(recordings())
    # Colab's proxy sends host names of its own, so every host is allowed there. No browser runs
    # on Colab's machine.
    hosts = ["*"] if on_colab() else ["127.0.0.1", "localhost"]
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    close = page.close

    def close_and_forget(*arguments, **options):
        close(*arguments, **options)
        _empty(recordings())

    page.close = close_and_forget
    _, address, _ = page.launch(
        server_name="127.0.0.1", server_port=port, share=False, inline=on_colab(), inbrowser=False,
        quiet=True, max_file_size=max_file_size, prevent_thread_lock=not block, ssr_mode=False,
        footer_links=[], app_kwargs={"middleware": [trusted]},
    )  # fmt: skip
    return address


def ask_page(address, path):
    """Send a sound file to an open page as its browser would, and return the text.

    Raises:
        RuntimeError: the page refused the sound, and the message is the page's own; or too many
            requests wait already.
    """
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError
    from gradio_client.utils import QueueError

    # gradio_client reports its use unless this says no, whatever `analytics_enabled` is.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    client = Client(address, verbose=False, analytics_enabled=False)
    try:
        return client.predict(handle_file(str(path)), api_name="/transcribe")
    except AppError as error:
        raise RuntimeError(str(error)) from error
    except QueueError as error:
        raise RuntimeError("The page's queue is full: try again in a moment.") from error
    finally:
        client.close()
