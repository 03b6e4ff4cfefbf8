"""Whether the Hub answers, with a short time limit. The Hub's own clients wait for minutes."""

from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, HTTPError
from huggingface_hub.utils import get_session

from asr_helpers.caches import ready_caches

WAIT = 10.0  # seconds


def hub_answers(wait: float | None = None) -> bool:
    """Whether the Hub answers within `wait` seconds (`WAIT` by default), and not with a 5xx error."""
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=wait or WAIT)
    except HTTPError:  # refused, cut off, or too slow
        return False
    return answer.status_code < 500


@contextmanager
def patience(seconds: float):
    """A context in which a request of the Hub's client fails after so many seconds of silence.

    The client itself waits a minute for some requests, and has no limit for others.
    """

    def hurry(request):
        waits = request.extensions["timeout"]
        request.extensions["timeout"] = {
            kind: min(w or seconds, seconds) for kind, w in waits.items()
        }

    hooks = get_session().event_hooks["request"]
    hooks.append(hurry)
    try:
        yield
    finally:
        hooks.remove(hurry)


def _silent(error):
    """Whether an exception, or its cause, says that the Hub gave no answer, or a 5xx error."""
    while error is not None:
        if isinstance(error, HfHubHTTPError):
            return error.response.status_code >= 500
        if isinstance(error, HTTPError):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def hub_or_cache(name: str | Path):
    """A context to load `name`: from the Hub if it answers, else from the cache.

    A folder, and a process with HF_HUB_OFFLINE set, are left as they are.

    Raises:
        ConnectionError: the Hub does not answer and the cache lacks something, or the Hub falls
            silent half-way. The message says what to do.
        FileNotFoundError: `name` is a path and no name on the Hub, and there is no such folder.
    """
    if Path(name).is_dir():
        yield
        return
    if Path(name).is_absolute() or str(name)[:1] in (".", "~") or str(name).count("/") > 1:
        raise FileNotFoundError(
            f"There is no folder {name}: check the path, or run the lesson that makes it."
        )
    ready_caches()
    if constants.HF_HUB_OFFLINE:
        yield
        return
    if hub_answers():
        try:
            with patience(WAIT):
                yield
        except Exception as error:
            if not _silent(error):
                raise
            raise ConnectionError(
                f"The Hub at {constants.ENDPOINT} answered, and fell silent while {name} was "
                "loaded. What had come is kept: check the network and run this again, or go on "
                'without it with PROFILE = "offline".'
            ) from error
        return
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    except OSError as error:
        raise ConnectionError(
            f"{name} is not in the cache, and the Hub at {constants.ENDPOINT} does not answer: "
            'check the network and run this again, or go on without it with PROFILE = "offline".'
        ) from error
    finally:
        constants.HF_HUB_OFFLINE = False
