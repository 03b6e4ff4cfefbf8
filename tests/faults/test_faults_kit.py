"""A kit, and a setup from it on a machine that has no network.

The kits are real kits of a small clone, whose packages are wheels without code. A weekly test uses
the whole course.
"""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from test_faults_setup import asked, clone_into, setup, wheel

import course
from tools import kit

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=ada", "-c", "user.email=ada", *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A small clone, and pip sent to a shelf with its packages."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in ("alpha", "beta"):
        wheel(shelf, name, "1")
    clone = clone_into(tmp_path / "source")
    shutil.copytree(ROOT / "kit", clone / "kit")
    (clone / "pyproject.toml").write_text('[project]\nname = "asr-course"\nversion = "0.1.0"\n')
    git(clone, "init", "-q")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "first")
    for module in (kit, course):
        monkeypatch.setattr(module, "ROOT", clone)
    monkeypatch.setattr(course, "CONSTRAINTS", clone / "constraints.txt")
    monkeypatch.setattr(kit, "KIT", clone / "build" / "kit")
    monkeypatch.setattr(kit, "SLIDES", clone / "build" / "slides")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)  # no constraint of this machine's own
    return clone


@pytest.fixture
def index():
    """An address that pip may ask, and the list of what was asked of it."""
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_error(404)

        do_CONNECT = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()


def foreign(address):
    """Settings that would send pip to the network."""
    return {
        "PIP_NO_INDEX": "0", "PIP_INDEX_URL": f"{address}/simple", "HTTPS_PROXY": address,
        "PIP_EXTRA_INDEX_URL": f"{address}/more", "PIP_FIND_LINKS": f"{address}/wheels",
        "HTTP_PROXY": address, "PIP_RETRIES": "0", "PIP_TIMEOUT": "3", "PIP_CONFIG_FILE": "",
    }  # fmt: skip


@pytest.fixture
def unpacked(source, tmp_path):
    """The course out of a kit, copied to a disk."""
    (source / "build" / "slides").mkdir(parents=True)
    (source / "build" / "slides" / "index.html").write_text("slides")
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("site")
    folder = kit.make(site_folder=site)
    return Path(shutil.copytree(folder / "course", tmp_path / "disk"))


def test_a_kit_holds_the_commit_the_packages_the_site_and_true_checksums(unpacked, source):
    folder = kit.KIT
    assert {path.name for path in folder.iterdir()} == {
        "course", "site", "slides", "START-HERE.html", "SHA256SUMS",
    }  # fmt: skip
    wheels = folder / "course" / "wheelhouse"
    assert {path.name for path in wheels.iterdir()} == {
        "alpha-1-py3-none-any.whl", "beta-1-py3-none-any.whl", "kit.json", "SHA256SUMS",
    }  # fmt: skip
    listed = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    files = [p for p in folder.rglob("*") if p.is_file() and p != folder / "SHA256SUMS"]
    assert listed == {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }
    page = (folder / "START-HERE.html").read_text()
    for part in ("version 0.1.0", "course.py setup", "site/index.html", "slides/index.html"):
        assert part in page
    assert "$" not in page and course.platform_name() in page
    assert "wheelhouse" in kit.sizes(folder) and "alpha 0" in kit.sizes(folder)


def test_a_bare_machine_sets_up_from_the_kit_and_asks_nobody(unpacked, index):
    address, requests = index
    done = setup(unpacked, "", **foreign(address))
    assert done.returncode == 0, done.stdout + done.stderr
    assert asked(unpacked) == str(unpacked / "asr_helpers" / "__init__.py")
    assert requests == []
    assert (setup(unpacked, "", **foreign(address)).stdout, requests) == ("", [])


def test_without_the_wheelhouse_the_same_machine_asks_and_fails(unpacked, index):
    """Else the test above could not fail."""
    address, requests = index
    shutil.rmtree(unpacked / "wheelhouse")
    done = setup(unpacked, "", **foreign(address))
    assert done.returncode == 1 and requests and "pip could not install" in done.stderr


def harm(unpacked, kind):
    wheels = unpacked / "wheelhouse"
    facts = json.loads((wheels / "kit.json").read_text())
    if kind == "wheel cut off":
        (wheels / "alpha-1-py3-none-any.whl").write_bytes(b"PK")
    elif kind == "wheel missing":
        (wheels / "beta-1-py3-none-any.whl").unlink()
    elif kind == "facts cut off":
        (wheels / "kit.json").write_text('{"digest')
    elif kind == "facts of another kind":
        (wheels / "kit.json").write_text("[]")
    elif kind == "sums missing":
        (wheels / "SHA256SUMS").unlink()
    elif kind == "other machines":
        others = [["windows-amd64", "3.12"], ["plan9-mips", "3.11"]]
        (wheels / "kit.json").write_text(json.dumps(facts | {"serves": others}))
    elif kind == "another version":
        with (unpacked / "environment.yml").open("a") as file:
            file.write("      - gamma==1\n")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("wheel cut off", "alpha-1-py3-none-any.whl is missing or damaged"),
        ("wheel missing", "beta-1-py3-none-any.whl is missing or damaged"),
        ("facts cut off", "wheelhouse is damaged"),
        ("facts of another kind", "wheelhouse is damaged"),
        ("sums missing", "wheelhouse is damaged"),
        ("other machines", "The kit has packages for windows-amd64 with Python 3.12; plan9-mips"),
        ("another version", "packages of another version of the course"),
    ],
)
def test_a_kit_that_cannot_serve_says_why_in_one_line_and_nothing_is_made(unpacked, kind, says):
    harm(unpacked, kind)
    done = setup(unpacked, "")
    assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1
    assert "delete the folder" in done.stderr and not (unpacked / ".venv").exists()


def test_a_kit_is_made_from_a_commit_only(source):
    (source / "course.py").write_text("1")
    with pytest.raises(SystemExit, match="changes since: make the kit in a fresh clone.*cleared"):
        kit.make()
    shutil.rmtree(source / ".git")
    with pytest.raises(SystemExit, match="is no clone"):
        kit.make()


def test_a_package_that_is_nowhere_is_pips_to_name(source, monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SystemExit, match="pip could not fetch the packages"):
        kit.make()


def test_torch_with_cuda_is_refused_before_it_is_fetched(source, monkeypatch, tmp_path):
    monkeypatch.setattr(kit.sys, "platform", "linux")
    shelf = Path(os.environ["PIP_FIND_LINKS"])
    wheel(shelf, "torch", "9")
    with pytest.raises(SystemExit, match="torch with CUDA.*PIP_EXTRA_INDEX_URL"):
        kit.refuse_cuda(["torch==9"])
    wheel(shelf, "torch", "9+cpu")
    kit.refuse_cuda(["torch==9"])
    with pytest.raises(SystemExit, match="finds no torch==8"):
        kit.refuse_cuda(["torch==8"])


def test_other_platforms_get_their_own_wheels_and_share_those_of_python_alone(
    source, monkeypatch, tmp_path
):
    shelf = Path(os.environ["PIP_FIND_LINKS"])
    wheel(shelf, "gamma", "2")
    (shelf / "gamma-2-py3-none-any.whl").rename(shelf / "gamma-2-cp312-cp312-win_amd64.whl")
    chosen = ["alpha==1", "gamma==2"]
    monkeypatch.setattr(kit, "resolved", lambda pins, platform, python: chosen)
    wheels = tmp_path / "wheels"
    serves = kit.fill(wheels, ["alpha==1"], [("windows-amd64", "3.12")])
    assert serves[1] == ["windows-amd64", "3.12"] and len(serves) == 2
    names = {path.name for path in wheels.glob("*.whl")}
    assert names == {"alpha-1-py3-none-any.whl", "gamma-2-cp312-cp312-win_amd64.whl"}


def test_torch_with_cuda_for_another_platform_is_refused_before_it_is_fetched(monkeypatch):
    uv = subprocess.CompletedProcess([], 0, stdout="torch==9\nnvidia-cublas==13\n", stderr="")
    monkeypatch.setattr(kit, "own_environment", lambda _: Path("python"))
    monkeypatch.setattr(kit.subprocess, "run", lambda *_, **__: uv)
    with pytest.raises(SystemExit, match="torch for linux-x86_64 would come with CUDA.*CPU index"):
        kit.resolved(["torch==9"], "linux-x86_64", "3.12")
    uv.stdout, uv.stderr, uv.returncode = "", "no such version", 1
    with pytest.raises(SystemExit, match="No set of packages for linux.*no such version"):
        kit.resolved(["torch==9"], "linux-x86_64", "3.12")


def test_a_package_without_a_wheel_for_a_platform_is_named(source, monkeypatch, tmp_path):
    name = f"gamma-2-cp3{sys.version_info[1]}-abi3-linux_x86_64.whl"
    shelf = Path(os.environ["PIP_FIND_LINKS"])
    wheel(shelf, "gamma", "2")
    (shelf / "gamma-2-py3-none-any.whl").rename(shelf / name)
    monkeypatch.setattr(kit, "resolved", lambda *_: ["gamma==2"])
    if sys.platform.startswith("linux") and course.platform_name() == "linux-x86_64":
        with pytest.raises(SystemExit, match="gamma==2 has no wheel for windows-amd64"):
            kit.fill(tmp_path / "wheels", ["alpha==1"], [("windows-amd64", "3.12")])


@pytest.mark.parametrize("wrong", [["--python", "3.12"], ["--platform", "amiga"]])
def test_options_that_mean_nothing_are_refused(wrong, monkeypatch):
    monkeypatch.setattr(kit, "make", lambda *_: pytest.fail("it was made"))
    with pytest.raises(SystemExit):
        kit.main(wrong)


def refusing():
    """A prefix that takes the network away from a command, or None where the system has none."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    try:
        works = subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except OSError:
        return None
    return command if works else None


@pytest.mark.weekly
def test_the_whole_course_from_unpacking_to_the_first_training_step_without_a_network(tmp_path):
    """Fetches every package, and installs it on a machine without a network."""
    if not (prefix := refusing()):
        pytest.skip("this system cannot take the network away from a command (unshare)")
    folder = tmp_path / "course"
    kit.committed(folder)
    kit.fill(folder / course.WHEELHOUSE, course.pinned(), [])
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON", "HF_"))}
    kept |= {"HOME": str(tmp_path / "home")}

    def told(*task):
        command = [*prefix, sys.executable, "course.py", *task]
        done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    told("setup")
    said = told("check", "--no-page")
    assert "four training steps made" in said and said.splitlines()[-1] == "ready"
