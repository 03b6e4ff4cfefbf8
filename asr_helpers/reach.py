"""Whether the Hub answers, asked once and briefly: its clients would wait minutes, or for ever."""

from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import HTTPError
from huggingface_hub.utils import get_session

WAIT = 10.0  # seconds


def hub_answers(wait=None):
    """Whether the Hub says anything but "I am broken" within `wait` seconds, `WAIT` by default."""
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=wait or WAIT)
    except HTTPError:  # refused, cut off, or too slow
        return False
    return answer.status_code < 500


@contextmanager
def hub_or_cache(name):
    """Inside, load `name`: from the Hub if that answers, else from the cache of an earlier load.

    A folder, and a process with HF_HUB_OFFLINE set, are left as they are.

    Raises:
        ConnectionError: the Hub does not answer, and the cache lacks something; says what to do.
    """
    if Path(name).is_dir() or constants.HF_HUB_OFFLINE or hub_answers():
        yield
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
