"""Can each check fail? Plant its fault in a copy of the course, and see its test fail.

    python -m tools.planted [WORD ...]      all of them, or those whose names hold one of the words

For each row of FAULTS, one piece of code is replaced in the copy and one test is run there: it must
fail with the fault, and pass without it. Ends with 1 if a test did not notice, and writes the table
to `build/planted.md`. It takes many minutes, so the weekly tests only check the table and plant one
fault.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LIMIT = 600  # seconds for one test
ROOT = Path(__file__).resolve().parent.parent
NO_COURSE = shutil.ignore_patterns(".*", "build", "artifacts", "__pycache__", "*.egg-info")


@dataclass(frozen=True)
class Fault:
    """In `file`, the correct code `sound` is replaced with `broken`; then `test` must fail."""

    check: str
    file: str
    sound: str
    broken: str
    test: str


A, T = "asr_helpers/", "tests/"
FAULTS = [
    Fault(
        "killed twice, same weights", A + "batches.py",
        '"draw": place', '"draw": (id(self), row)',
        T + "faults/test_faults_training.py::test_killed_twice_it_ends_at_the_very_weights_and_wers",
    ),
    Fault(
        "killed while a checkpoint is written", A + "checkpoints.py",
        "if random and all(map(_is_whole, files)):", "if path.exists():",
        T + "faults/test_faults_training.py::test_killed_while_it_writes_a_checkpoint_it_goes_on_from_the_one_before",
    ),
    Fault(
        "a checkpoint's file cut off", A + "checkpoints.py",
        "        ):  # fmt: skip\n            return False\n", "        ):  # fmt: skip\n            return True\n",
        T + "faults/test_faults_training.py::test_a_checkpoint_with_a_broken_file_is_passed_over",
    ),
    Fault(
        "killed while the corpus is prepared", A + "processor.py",
        "load_from_cache_file=False",
        "load_from_cache_file=False, cache_file_name=__import__('os').environ['HF_HOME'] + '/prepared.arrow'",
        T + "faults/test_faults_training.py::test_preparing_leaves_no_file_that_a_kill_could_cut_off",
    ),
    Fault(
        "killed while artifacts are saved", A + "artifacts.py",
        "            yield half\n", "            yield path\n            return\n",
        T + "unit/test_artifacts.py",
    ),
    Fault(
        "disk full while saving", A + "artifacts.py",
        "if number in FULL:", "if not number:",
        T + "faults/test_faults_machine.py::test_a_disk_that_fills_up_while_saving_leaves_the_earlier_model_whole",
    ),
    Fault(
        "a home that cannot be written", A + "caches.py",
        "        why = error\n", "        raise\n",
        T + "faults/test_faults_machine.py::test_with_a_home_that_cannot_be_made_the_course_runs_and_says_where_caches_go",
    ),
    Fault(
        "two runs at once in one clone", "tools/run_lessons.py",
        "with filelock.FileLock(BUILD / f\"{name}.lock\", timeout=0):", "if True:",
        T + "lessons/test_run_lessons.py::test_a_second_run_is_refused_and_names_the_first_and_the_remedy",
    ),
    Fault(
        "two notebooks train in one folder", A + "checkpoints.py",
        "            lock.acquire()\n", "            pass\n",
        T + "unit/test_checkpoints.py::test_a_second_training_in_one_folder_is_told_until_the_first_is_gone",
    ),
    Fault(
        "no network", A + "corpus.py",
        "def load_corpus(", "__import__('socket').create_connection(('8.8.8.8', 53), 1)\n\n\ndef load_corpus(",
        T + "faults/test_faults_machine.py::test_without_any_network_the_offline_course_runs_and_asks_for_none",
    ),
    Fault(
        "the Hub slow or down", A + "reach.py",
        "return answer.status_code < 500", "return True",
        T + "unit/test_reach.py",
    ),
    Fault(
        "the Hub falls silent half-way", A + "reach.py",
        "with patience(WAIT):", "if True:",
        T + "unit/test_reach.py::test_a_hub_that_falls_silent_half_way_is_told",
    ),
    Fault(
        "NaN in a sound", A + "audio.py",
        "if not _all_finite(array):\n        raise AudioError(f\"{name}: holds", "if False:\n        raise AudioError(f\"{name}: holds",
        T + "faults/test_faults_audio.py",
    ),
    Fault(
        "no samples in a sound", A + "audio.py",
        "    if not len(array):\n        raise", "    if False:\n        raise",
        T + "faults/test_faults_audio.py",
    ),
    Fault(
        "stereo and eight channels", A + "audio.py",
        "if sound.channels == 1 else block @ weights", "if sound.channels == 1 else block.reshape(-1)",
        T + "unit/test_audio.py::test_every_format_becomes_mono_at_the_wanted_rate",
    ),
    Fault(
        "an empty transcript", A + "processor.py",
        "if not labels or unknown in labels:", "if unknown in labels:",
        T + "faults/test_faults_audio.py",
    ),
    Fault(
        "an unknown script", A + "processor.py",
        "if not labels or unknown in labels:", "if not labels:",
        T + "faults/test_faults_audio.py",
    ),
    Fault(
        "a label longer than its audio", A + "processor.py",
        "if label_fits(model.config, *pair)", "if pair",
        T + "faults/test_faults_audio.py::test_a_label_longer_than_its_audio_is_dropped_and_the_others_stay",
    ),
    Fault(
        "a number too long for a name", A + "spoken.py",
        'and digits[0] == "0" or len(digits) > LONGEST_NUMBER:', 'and digits[0] == "0":',
        T + "faults/test_faults_audio.py::test_a_number_too_long_for_a_name_is_read_digit_by_digit",
    ),
    Fault(
        "any bytes as a sound", A + "audio.py",
        "(soundfile.SoundFileError, OSError, ValueError)", "(OSError, ValueError)",
        T + "faults/test_faults_audio.py::test_random_bytes_are_heard_or_refused",
    ),
    Fault(
        "one and two threads", A + "inference.py",
        "ids = model(**batch).logits.argmax(dim=-1)",
        "ids = model(**batch).logits.argmax(dim=-1) * (torch.get_num_threads() == 1)",
        T + "faults/test_faults_machine.py::test_one_and_two_threads_give_wers_within_each_others_interval",
    ),
    Fault(
        "a pinned package moved", "tests/suites.py",
        'if installed.split("+")[0] != pin', "if not installed",
        T + "unit/test_suites.py::test_a_moved_package_is_marked_and_a_build_of_the_same_version_is_not",
    ),
    Fault(
        "weights that are a pickle", A + "model.py",
        "    if not keep_head:\n",
        "    import io, pickle\n    pickle.load(io.BytesIO(pickle.dumps(1)))\n    if not keep_head:\n",
        T + "faults/test_faults_machine.py::test_what_lesson_05_keeps_loads_without_pickle",
    ),
    Fault(
        "a token in a message",
        A + "hub.py",
        "raise HubError(_sentence(error, repo_id, folder, api.endpoint)) from None",
        "raise HubError(_sentence(error, repo_id, folder, api.endpoint) + token) from None",
        T + "unit/test_hub.py::test_a_token_that_no_header_can_hold_is_not_shown",
    ),
    Fault(
        "a gigabyte sent to the page", A + "page.py",
        "max_file_size=max_file_size", "max_file_size=None",
        T + "faults/test_faults_page.py::test_a_gigabyte_is_refused_and_the_page_goes_on",
    ),
    Fault(
        "the page seen from other machines", A + "page.py",
        'server_name="127.0.0.1"', 'server_name="0.0.0.0"',
        T + "faults/test_faults_page.py::test_only_this_machine_reaches_it",
    ),
    Fault(
        "twenty visitors", A + "page.py",
        "page.queue(max_size=8,", "page.queue(max_size=2,",
        T + "faults/test_faults_page.py::test_twenty_visitors_at_once_are_all_answered",
    ),
]  # fmt: skip


def fails(fault, planted):
    """Whether the fault's test fails in a copy of the course, in which the fault was planted or not."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "course"
        shutil.copytree(ROOT, copy, ignore=NO_COURSE)
        if planted:
            code = (copy / fault.file).read_text(encoding="utf-8")
            (copy / fault.file).write_text(
                code.replace(fault.sound, fault.broken), encoding="utf-8"
            )
        # From the copy's own folder, whose packages then come before those that are installed.
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", fault.test]
        try:
            done = subprocess.run(command, cwd=copy, capture_output=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:  # such as a fault that removes a time limit
            return True
        return done.returncode != 0


def main(*words):
    faults = [f for f in FAULTS if not words or any(word in f.check for word in words)]
    rows, unseen = ["| fault | planted in | test that fails |", "|---|---|---|"], []
    for fault in faults:
        seen = fails(fault, planted=True) and not fails(fault, planted=False)
        unseen += [] if seen else [fault.check]
        rows.append(f"| {fault.check} | {fault.file} | {fault.test if seen else 'NOT SEEN'} |")
        print(rows[-1], flush=True)
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "planted.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(faults) - len(unseen)} of {len(faults)} faults were seen by their tests")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
