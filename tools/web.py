"""Your recogniser in a web page: build it, look at it, share it.

    python -m tools.web                      build/web, from your fine-tuned model
    python -m tools.web --serve              and serve it to browsers on this machine
    python -m tools.web --space NAME         and push it to a static Space of yours
    python -m tools.web --model FOLDER       of another model: a folder, or a name on the Hub

`make web` does the first. Any web server can hand out the folder: `python -m http.server` too.
"""

import argparse
import os
import sys
from pathlib import Path

from asr_helpers.artifacts import explained
from asr_helpers.export import ExportError
from asr_helpers.finished import finished_model
from asr_helpers.hub import HubError, push_page
from asr_helpers.profiles import load_profile
from asr_helpers.reach import hub_or_cache
from asr_helpers.web_page import SMALLER, PageError, build_page, open_server

ROOT = Path(__file__).resolve().parent.parent
LARGE = 100e6  # bytes; GitHub takes no larger file by git


def model_folder(name: str | None, profile: str) -> Path:
    """The folder of the model to use: the one named, or else the one of `finished_model`.

    Args:
        name: a folder, or a model's name on the Hub, which is fetched; None or "" for lesson 05's,
            or the one that comes with the course where lesson 05 has not been run.
        profile: the name of the profile whose model is taken.

    Raises:
        FileNotFoundError: there is no such model; the message says what to do.
    """
    if not name:
        finished = finished_model(load_profile(profile))
        print(finished)
        name = finished.place
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        with hub_or_cache(name):
            wanted = ["*.json", "*.safetensors", "README.md", "LICENSE*"]
            return Path(snapshot_download(name, allow_patterns=wanted))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise FileNotFoundError(
            f"{name!r} is neither a folder here nor a model that the Hub gives out "
            f"({type(error).__name__}): check the name."
        ) from error


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.web", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--model", default=os.environ.get("MODEL"), help="a folder, or a Hub name")
    parser.add_argument("--profile", default="offline", help="the profile whose model to use")
    parser.add_argument("--precision", default="int8", choices=SMALLER)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build" / "web", help="the folder to write"
    )
    parser.add_argument("--serve", action="store_true", help="hand the page out to this machine")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--space", metavar="NAME", help="push to this static Space")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line asks."""
    options = parse(arguments)
    try:
        folder = model_folder(options.model, options.profile)
        with explained(options.out):
            page = build_page(folder, options.out, options.precision)
        files = [path for path in page.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        print(f"The page of {folder} is in {page}: {len(files)} files, {size / 1e6:.1f} MB.")
        for path in files:
            if path.stat().st_size > LARGE:
                print(f"{path.name} is larger than 100 MB: GitHub takes no such file by git.")
        if options.space:
            print("published:", push_page(page, options.space))
        if options.serve:
            serve(page, options.port)
        elif not options.space:
            print("Look at it with `python -m tools.web --serve`, or hand it out with any server.")
    except (PageError, ExportError, HubError, ImportError, OSError, ValueError) as error:
        sys.exit(str(error))


def serve(page: Path, port: int) -> None:
    """Hand the page out until the process is interrupted."""
    server = open_server(page, port)
    print(f"Open http://localhost:{server.server_port}/ (Ctrl-C ends this).", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
