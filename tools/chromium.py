"""Where this machine's Chromium is: for tests, pictures and measurements of the web pages."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEED = "Chromium (for example `apt-get install chromium`)"


def installed() -> str | None:
    """The path of the first of NAMES that is there."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def required() -> str:
    """The path of Chromium.

    Raises:
        FileNotFoundError: none is installed; the message says what to do.
    """
    if (path := installed()) is None:
        raise FileNotFoundError(
            f"None of {', '.join(NAMES)} was found on the PATH. Install {NEED}."
        )
    return path
