"""What happens to a setup: cut off, moved, damaged, two at once, foreign settings of Python and pip.

The setups here are real, in a small clone whose packages are wheels of no code.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow
OWN = "import asr_helpers, alpha, beta; print(asr_helpers.WHERE)"


def wheel(folder, name, number):
    """Write a package of one small module, as pip installs it."""
    info = f"{name}-{number}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"NUMBER = {number!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def clone_into(folder):
    """A clone of the course in small: two packages, and a module that says where it lies."""
    (folder / "asr_helpers").mkdir(parents=True)
    shutil.copy(ROOT / "course.py", folder)
    (folder / "pyproject.toml").write_text("[project]\nname = 'asr-course'\n")
    pins = "".join(f"      - {pin}\n" for pin in ("alpha==1", "beta==1"))
    (folder / "environment.yml").write_text(f"dependencies:\n  - pip:\n{pins}")
    (folder / "constraints.txt").touch()
    (folder / "asr_helpers" / "__init__.py").write_text("WHERE = __file__\n")
    shutil.copy(ROOT / "asr_helpers" / "profiles.py", folder / "asr_helpers")
    (folder / "tools").mkdir()
    for name in ("__init__", "arguments"):
        shutil.copy(ROOT / "tools" / f"{name}.py", folder / "tools")
    return folder


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder of wheels in place of an index."""
    folder = tmp_path_factory.mktemp("shelf")
    for name in ("alpha", "beta"):
        wheel(folder, name, "1")
    return folder


def surroundings(shelf, **changed):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    return kept | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)} | changed


@pytest.fixture(scope="module")
def whole(tmp_path_factory, shelf):
    """A clone that was set up once; its tests copy it."""
    clone = clone_into(tmp_path_factory.mktemp("whole") / "course")
    done = setup(clone, shelf)
    assert done.returncode == 0, done.stdout + done.stderr
    return clone


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of the clone, its environment and all, in another folder."""
    return Path(shutil.copytree(whole, tmp_path / "copy", symlinks=True))


def setup(clone, shelf, executable=sys.executable, task="setup", **changed):
    return subprocess.run(
        [executable, "course.py", *task.split()], cwd=clone, env=surroundings(shelf, **changed),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def asked(clone, code=OWN):
    """What the clone's own environment prints, asked from another folder."""
    python = clone / ".venv" / "bin" / "python"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, cwd="/")
    return done.stdout.strip() or done.stderr


def library(clone):
    (folder,) = (clone / ".venv" / "lib").glob("python3.*/site-packages")
    return folder


def healed(clone, shelf, **changed):
    """Set up again, and insist that all is there, and that the next setup has nothing to do."""
    done = setup(clone, shelf, **changed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert asked(clone) == str(clone / "asr_helpers" / "__init__.py")
    again = setup(clone, shelf)
    assert (again.returncode, again.stdout) == (0, ""), again.stdout + again.stderr
    return done


def test_a_setup_that_is_whole_is_left_alone(whole, shelf):
    healed(whole, shelf)


def test_a_copied_clone_imports_its_own_code_even_before_a_setup(copy, shelf):
    assert asked(copy) == str(copy / "asr_helpers" / "__init__.py")
    healed(copy, shelf)


def test_a_moved_clone_works_and_its_scripts_name_the_new_folder(copy, shelf):
    moved = copy.rename(copy.with_name("moved"))
    healed(moved, shelf)
    activate = (moved / ".venv" / "bin" / "activate").read_text()
    pip = (moved / ".venv" / "bin" / "pip").read_text()
    assert str(moved) in activate and str(moved) in pip


def test_a_clone_set_up_by_an_older_course_is_taken_over(copy, shelf):
    """That one installed itself as editable, by an absolute path."""
    folder = library(copy)
    (folder / "asr_course.pth").unlink()
    (folder / "__editable___asr_course_0_1_0_finder.py").write_text("")
    (folder / "__editable__.asr_course-0.1.0.pth").write_text("/somewhere/else\n")
    (copy / ".venv" / "course-environment").write_text("0" * 64)
    healed(copy, shelf)
    assert not list(folder.glob("__editable__*"))


def test_a_package_that_was_removed_comes_back(copy, shelf):
    (library(copy) / "alpha.py").unlink()
    shutil.rmtree(library(copy) / "alpha-1.dist-info")
    healed(copy, shelf)


@pytest.mark.parametrize("damage", ["cut off", "file missing", "no record"])
def test_a_setup_that_was_killed_half_way_is_ended_by_the_next(copy, shelf, damage):
    (copy / ".venv" / "course-environment").unlink()
    if damage == "cut off":
        (library(copy) / "alpha.py").write_text("")
    elif damage == "file missing":
        (library(copy) / "alpha.py").unlink()
    else:
        (library(copy) / "alpha-1.dist-info" / "RECORD").unlink()
        (library(copy) / "alpha.py").write_text("1/0")
    healed(copy, shelf)


def test_a_half_made_pip_is_made_anew(copy, shelf):
    (copy / ".venv" / "course-environment").unlink()
    shutil.rmtree(library(copy) / "pip" / "_internal" / "cli")
    healed(copy, shelf)


def test_a_python_that_is_gone_is_replaced(copy, shelf):
    for link in (copy / ".venv" / "bin").glob("python*"):
        link.unlink()
    healed(copy, shelf)


def other_python():
    """Another supported Python of this machine, or None."""
    for number in (11, 12, 13):
        found = shutil.which(f"python3.{number}")
        code = "import sys, ensurepip; print(sys.version_info[1])"
        done = found and subprocess.run([found, "-c", code], capture_output=True, text=True)
        if done and done.stdout.strip() == str(number) != str(sys.version_info[1]):
            return found
    return None


def test_another_python_uses_the_environment_that_is_there_and_mixes_nothing(copy, shelf):
    if not (other := other_python()):
        pytest.skip("this machine has one supported Python only")
    (copy / ".venv" / "course-environment").unlink()
    healed(copy, shelf, executable=other)
    assert len(list((copy / ".venv" / "lib").iterdir())) == 1
    assert asked(copy, "import sys; print(sys.version_info[1])") == str(sys.version_info[1])


def test_a_folder_that_is_no_environment_is_replaced(copy, shelf):
    """A folder with files of another kind, as when two versions of Python were mixed."""
    (copy / ".venv" / "pyvenv.cfg").unlink()
    healed(copy, shelf)


def test_setting_up_from_within_the_environment_works(copy, shelf):
    (copy / ".venv" / "course-environment").unlink()
    healed(copy, shelf, executable=str(copy / ".venv" / "bin" / "python"))


def test_a_damaged_environment_does_not_remove_itself(copy, shelf):
    """The environment counts as damaged, and its own Python runs the setup: the setup refuses."""
    done = subprocess.run(
        [sys.executable, "-c", "import course, sys; sys.prefix = str(course.VENV)\n"
         "course.lacking = lambda: None; course.setup()"],
        cwd=copy, env=surroundings(shelf), capture_output=True, text=True,
    )  # fmt: skip
    (copy / ".venv" / "course-environment").unlink()
    assert done.returncode == 1 and "deactivate" in done.stderr and "Traceback" not in done.stderr


def test_foreign_settings_of_python_and_pip_change_nothing(tmp_path, shelf):
    """A PYTHONPATH that holds a package makes pip leave it out; PIP_TARGET puts it elsewhere."""
    outside = tmp_path / "outside"
    outside.mkdir()
    with zipfile.ZipFile(shelf / "alpha-1-py3-none-any.whl") as archive:
        archive.extractall(outside)
    clone = clone_into(tmp_path / "course")
    foreign = {
        "PYTHONPATH": str(outside), "PIP_TARGET": str(outside), "PIP_USER": "1",
        "PIP_NO_DEPS": "1", "PIP_DRY_RUN": "1", "PYTHONHOME": str(outside),
        "PIP_PREFIX": str(outside), "PIP_PYTHON": "nowhere",
    }  # fmt: skip
    foreign.pop("PYTHONHOME")  # this very Python could not start
    healed(clone, shelf, **foreign)


def test_two_setups_at_once_end_well_and_the_second_says_that_it_waits(tmp_path, shelf):
    clone = clone_into(tmp_path / "course")
    command = [sys.executable, "course.py", "setup"]
    start = dict(cwd=clone, env=surroundings(shelf), stdout=subprocess.PIPE, text=True)
    first = subprocess.Popen(command, **start)
    while not (clone / "build" / "setup.pid").exists():
        time.sleep(0.02)
    second = subprocess.Popen(command, **start)
    said = [process.communicate(timeout=300)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert said[1].count("\n") == 1
    assert f"process {first.pid}" in said[1] and "waiting for its end" in said[1]
    healed(clone, shelf)


def test_a_killed_setup_is_ended_by_the_next(tmp_path, shelf):
    clone = clone_into(tmp_path / "course")
    command = [sys.executable, "course.py", "setup"]
    process = subprocess.Popen(command, cwd=clone, env=surroundings(shelf), start_new_session=True)
    while not (clone / ".venv" / "bin" / "python").exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    healed(clone, shelf)


def test_an_environment_that_was_killed_while_it_was_made_gets_all_its_scripts(tmp_path, shelf):
    """Python and its settings are made first, `activate` last. The kill came before `activate`."""
    clone = clone_into(tmp_path / "course")
    code = (
        "import os, course\n"
        "course.venv.EnvBuilder.setup_scripts = lambda *_: os._exit(9)\n"
        "course.setup()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=clone, env=surroundings(shelf))
    assert done.returncode == 9 and (clone / ".venv" / "bin" / "python").exists()
    healed(clone, shelf)
    assert (clone / ".venv" / "bin" / "activate").exists()


def test_ctrl_c_is_one_line(tmp_path, shelf):
    clone = clone_into(tmp_path / "course")
    command = [sys.executable, "course.py", "setup"]
    process = subprocess.Popen(
        command, cwd=clone, env=surroundings(shelf), stderr=subprocess.PIPE, text=True
    )
    while not (clone / ".venv" / "bin" / "python").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert said == "The setup was stopped. Run the same command again to go on.\n"
    assert process.returncode == 1
    healed(clone, shelf)


def test_a_colon_in_the_path_is_told_in_a_sentence(tmp_path, shelf):
    clone = clone_into(tmp_path / "a:b")
    done = setup(clone, shelf)
    assert done.returncode == 1 and "has ':' in its path" in done.stderr
    assert "rename that folder" in done.stderr and done.stderr.count("\n") == 1


def test_a_clone_that_cannot_be_written_is_told_in_a_sentence(tmp_path, shelf):
    clone = clone_into(tmp_path / "course")
    (clone / "build").touch()  # a file in the way stops root, too, which permissions do not
    done = setup(clone, shelf)
    assert done.returncode == 1 and "copy the course into a folder of your own" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_clone_without_write_permission_is_told_in_a_sentence(tmp_path, shelf, monkeypatch):
    clone = clone_into(tmp_path / "course")
    code = (
        "import pathlib, course\n"
        "def refuse(*_, **__): raise OSError(30, 'Read-only file system')\n"
        "pathlib.Path.mkdir = refuse\ncourse.setup()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=clone, env=surroundings(shelf), capture_output=True, text=True
    )
    assert done.returncode == 1 and "Read-only file system" in done.stderr
    assert "copy the course into a folder of your own" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_package_that_pip_cannot_find_is_told_and_no_stamp_is_written(tmp_path, shelf):
    clone = clone_into(tmp_path / "course")
    text = (clone / "environment.yml").read_text()
    (clone / "environment.yml").write_text(text.replace("beta==1", "beta==2"))
    done = setup(clone, shelf)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("see its message above, then try again.")
    assert not (clone / ".venv" / "course-environment").exists()


def test_an_unknown_profile_is_told_before_anything_is_set_up(tmp_path, shelf):
    clone = clone_into(tmp_path / "course")
    done = setup(clone, shelf, task="run --profile nonsense")
    assert done.returncode == 1 and done.stdout == ""
    assert "--profile: there is no nonsense, only offline" in done.stderr
    assert done.stderr.count("\n") == 1 and not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("catch-up 99", "There is no lesson '99': choose one of 01, 06"),
        ("catch-up 06 --profile nonsense", "No profile 'nonsense'"),
        ("run --until 99", "--until: there is no 99, only 01_explore.ipynb"),
        ("run --jobs 0", "--jobs: 0 notebooks at a time run nothing"),
    ],
)
def test_a_wrong_argument_is_told_before_anything_is_set_up(tmp_path, shelf, task, says):
    clone = clone_into(tmp_path / "course")
    (clone / "notebooks").mkdir()
    for name in ("01_explore", "06_evaluate"):
        (clone / "notebooks" / f"{name}.ipynb").touch()
    done = setup(clone, shelf, task=task)
    assert done.returncode == 1 and done.stdout == "" and says in done.stderr
    assert done.stderr.count("\n") == 1 and not (clone / ".venv").exists()


def test_lessons_run_with_the_surroundings_that_the_course_wants(copy, shelf):
    show = "import os, json; print(json.dumps([dict(os.environ), __debug__]))"
    (copy / "tools" / "run_lessons.py").write_text(show)
    done = setup(copy, shelf, task="run", PYTHONPATH="elsewhere", PYTHONOPTIMIZE="1")
    assert done.returncode == 0, done.stderr
    found, asserts = json.loads(done.stdout.splitlines()[-1])
    assert asserts and not {"PYTHONPATH", "PYTHONOPTIMIZE"} & set(found)
    assert found["PYTHONNOUSERSITE"] == "1"


def test_ctrl_c_reaches_what_was_started_and_its_own_last_words_are_heard(copy, shelf):
    (copy / "tools" / "run_lessons.py").write_text(
        "import time\nprint('running', flush=True)\ntry:\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(1)\n    print('the report is written')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "course.py", "run"], cwd=copy, env=surroundings(shelf), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while process.stdout.readline() != "running\n":
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert out == "the report is written\n" and err == ""


def test_what_the_pins_bring_along_is_installed_in_the_locked_version(tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name, number in (("alpha", "1"), ("beta", "1"), ("gamma", "1"), ("gamma", "2")):
        wheel(shelf, name, number)
    needy = shelf / "alpha-1-py3-none-any.whl"
    with zipfile.ZipFile(needy) as old:
        files = {name: old.read(name).decode() for name in old.namelist()}
    with zipfile.ZipFile(needy, "w") as new:
        for name, text in files.items():
            needs = "Requires-Dist: gamma\n" if name.endswith("METADATA") else ""
            new.writestr(name, text + needs)
    clone = clone_into(tmp_path / "clone")
    (clone / "constraints.txt").write_text("gamma==1\n")
    command = [sys.executable, "course.py", "setup"]
    subprocess.run(command, cwd=clone, env=surroundings(shelf), check=True)
    found = subprocess.run(
        [clone / ".venv" / "bin" / "python", "-m", "pip", "list"], capture_output=True, text=True
    ).stdout
    assert re.search(r"gamma +1\b", found)
