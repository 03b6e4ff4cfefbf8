"""The cache folders of the libraries, and what to do if they cannot be written.

Nothing here happens on import: `ready_caches` is called where a cache is first used, that is before
something is loaded from the Hub, and before the WER metric is loaded.
"""

import functools
import importlib
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

WER_METRIC = Path(__file__).parent / "wer_metric"
# These modules read the environment when they are imported, and keep the folders as constants.
KEEPERS = ("huggingface_hub.constants", "datasets.config", "evaluate.config")


@functools.cache
def ready_caches() -> Path:
    """Return the folder of the Hugging Face caches, one that can be written.

    Where the usual one cannot be written, this process and those that it starts use a temporary
    folder instead, and a warning says so. `evaluate` writes into its cache even to load a metric
    from a folder.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    home = os.environ.get("HF_HOME") or cache
    try:
        folder = Path(home).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: no home is known
        why = error
    folder = Path(tempfile.mkdtemp(prefix="asr-course-"))
    try:
        usual = Path(home).expanduser()
    except RuntimeError:
        usual = Path(home)
    os.environ["HF_HOME"] = str(folder)
    for name in KEEPERS:
        module = sys.modules.get(name)
        for constant, value in list(vars(module).items()) if module else ():
            if isinstance(value, str | Path) and Path(value).is_relative_to(usual):
                moved = folder / Path(value).relative_to(usual)
                setattr(module, constant, type(value)(moved))
    warnings.warn(
        f"Your home cannot be written ({why}): what is fetched goes to {folder}, and will be "
        "fetched again next time. Set HF_HOME to a folder of your own to keep it.",
        stacklevel=2,
    )
    return folder


def load_wer_metric():
    """The course's word error rate as a metric of the library `evaluate`.

    `evaluate.load(folder)` imports a copy of the folder's script from its cache. A copy that was
    cut off, as on a full disk, would break every later load: such a copy is removed first.

    Returns:
        An `evaluate.Metric`; `metric.compute(references=[...], predictions=[...])` is the WER.
    """
    import evaluate

    ready_caches()
    name = f"{WER_METRIC.name}.py"
    script = (WER_METRIC / name).read_bytes()
    copies = Path(evaluate.config.HF_MODULES_CACHE) / "evaluate_modules" / "metrics"
    for copy in copies.glob(f"*/*/{name}"):
        if copy.read_bytes() != script:
            shutil.rmtree(copy.parent)
    # If Python has imported a broken copy already, the broken module stays in `sys.modules`.
    for module in [m for m in sys.modules if m.startswith("evaluate_modules.")]:
        if module.endswith(f".{WER_METRIC.name}") and not hasattr(
            sys.modules[module], "WordErrorRate"
        ):
            del sys.modules[module]
    importlib.invalidate_caches()
    return evaluate.load(str(WER_METRIC), keep_in_memory=True)
