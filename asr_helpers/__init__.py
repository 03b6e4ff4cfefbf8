"""The shared code of the course, in the order in which speech flows through it.

    profiles      every knob of the course
    artifacts     files that one lesson leaves and another reads
    devices       the one device that models compute on
    frames        from samples to frames, and how many a label needs
    audio, text   how sound and words are read
    reach         whether the Hub answers
    corpus        labelled speech, in splits that share no transcript
    processor     samples to `input_values`, transcripts to label ids
    augment       the same utterance as another call would have recorded it
    collator      utterances of several lengths to one padded batch
    batches       which utterances share a batch
    model         a pretrained encoder with a new CTC head, and which parts of it learn
    checkpoints   what a run that was cut off left behind
    training      the head first, then everything
    averaging     weights between those before fine-tuning and those after it
    metrics       WER and CER, with an interval
    diagnostics   why a model does not learn
    recipe        all of this as the course does it
    report        what a run measured, to be shared
    model_card    what a shared model says of itself
    hub           a model and its card to the Hugging Face Hub
    finished      the fine-tuned model that later lessons use
    errors        which words went wrong, and how
    inference     a model's logits to text
    long_form     recordings of any length; when each word was said, and how sure it is
    page          a page in the browser that writes down a voice
    language_model, word_model   what is likely to be said, in letters and in words
    beam_search   the best text of all
    lm_pipeline   both in the pipeline of transformers

A module imports only from those above it. Beside the flow stand `practice`, which compares
what learners answer, and the package `plots`, which draws what any of them gives, with a module for
each lesson that needs figures of its own.
"""

import os
import sys
import tempfile
import warnings
from pathlib import Path


def _find_room_for_caches():
    """Where the home cannot be written, keep this process's caches in a temporary folder.

    `evaluate` writes into its cache even to load a metric from a folder.
    """
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
        home = Path(os.environ.get("HF_HOME") or caches).expanduser()
        home.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=home).close()
        return
    except (OSError, RuntimeError) as error:  # the latter: no home is known
        why = error
    folder = Path(tempfile.mkdtemp(prefix="asr-course-"))
    os.environ["HF_HOME"] = str(folder)
    if evaluate := sys.modules.get("evaluate"):  # it has read the environment already
        evaluate.config.HF_MODULES_CACHE = folder / "modules"
        evaluate.config.HF_METRICS_CACHE = folder / "metrics"
    warnings.warn(
        f"Your home cannot be written ({why}): what is fetched goes to {folder}, and will be "
        "fetched again next time. Set HF_HOME to a folder of your own to keep it.",
        stacklevel=2,
    )


_find_room_for_caches()
