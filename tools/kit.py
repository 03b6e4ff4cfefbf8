"""Build one folder for a USB stick: a class without a network sets the course up from it.

    python -m tools.kit                                       for machines like this one
    python -m tools.kit --platform windows-amd64 --python 3.12 --python 3.13
                                                              and for those

`build/kit` then holds the course as last committed, with every package in its folder `wheelhouse`,
the site, the slides, checksums, and a page START-HERE.html. `course.py setup`
finds the wheelhouse and asks no network.

Run it with the course's environment (`make kit`). Building needs the network.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from string import Template

import course
from tools import site, slides
from tools.check import RESULTS
from tools.own_environment import own_environment

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "build" / "kit"
SLIDES = site.SLIDES
SUMS = course.SUMS
MACOS = "14.0"  # the oldest that the kit serves
# Other platforms than this one: uv's name for the platform, and the tags that its wheels may have.
PLATFORMS = {
    "linux-x86_64": (
        "x86_64-manylinux_2_28",
        [f"manylinux_2_{n}_x86_64" for n in range(28, 4, -1)] + ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"],
    ),
    "macos-arm64": (
        "aarch64-apple-darwin",
        [f"macosx_{MACOS.replace('.', '_')}_{chips}" for chips in ("arm64", "universal2")],
    ),
    "windows-amd64": ("x86_64-pc-windows-msvc", ["win_amd64"]),
}  # fmt: skip
PYTHONS = ("3.11", "3.12", "3.13")
CPU_INDEX = (
    'Point PIP_EXTRA_INDEX_URL to PyTorch\'s CPU index (its address is under "Get Started" on '
    "PyTorch's site), and run this again."
)


def pip(*arguments: str, python: str = sys.executable) -> None:
    """Run pip to its end.

    Raises:
        SystemExit: pip failed; its message stands above.
    """
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    if subprocess.run(command).returncode:
        sys.exit("pip could not fetch the packages of the kit: see its message above.")


def refuse_cuda(pins: list[str]) -> None:
    """End with a sentence, before gigabytes are fetched, if torch would come with CUDA.

    Only Linux has such a build under the same name.
    """
    torch = [pin for pin in pins if pin.startswith("torch==")]
    if not torch or not sys.platform.startswith("linux"):
        return
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps",
        "--quiet", "--report", "-", *torch,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"pip finds no {torch[0]}: {done.stderr.strip()[-300:]}")
    (found,) = json.loads(done.stdout)["install"]
    if not found["metadata"]["version"].endswith("+cpu"):
        sys.exit(f"pip would fetch torch with CUDA, gigabytes that no class needs. {CPU_INDEX}")


def for_this_platform(pins: list[str], wheels: Path) -> None:
    """Fetch the pins and all that they need, as wheels for this Python and platform."""
    refuse_cuda(pins)
    pip("wheel", "--wheel-dir", str(wheels), "--constraint", str(course.CONSTRAINTS), *pins)


def resolved(pins: list[str], platform: str, python: str) -> list[str]:
    """The pins and all that they need on another platform, each as "name==version".

    uv evaluates the packages' environment markers for that platform. pip would evaluate them for
    the platform that pip itself runs on.
    """
    uv = str(own_environment("kit").with_name("uv.exe" if os.name == "nt" else "uv"))
    command = [
        uv, "pip", "compile", "-", "--quiet", "--no-header", "--no-annotate", "--no-config",
        "--constraint", str(course.CONSTRAINTS), "--python-platform", PLATFORMS[platform][0],
        "--python-version", python,
    ]  # fmt: skip
    given = {"--index-url": "PIP_INDEX_URL", "--extra-index-url": "PIP_EXTRA_INDEX_URL"}
    for option, variable in given.items():
        for address in os.environ.get(variable, "").split():
            command += [option, address]
    # uv takes macOS 13 if nothing is said, for which torch has no wheel.
    environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": MACOS}
    done = subprocess.run(
        command, input="\n".join(pins), capture_output=True, text=True, env=environment
    )
    if done.returncode:
        sys.exit(f"No set of packages for {platform}, Python {python}: {done.stderr.strip()}")
    found = [line for line in done.stdout.split() if "==" in line]
    if any(package.startswith("nvidia-") for package in found):
        sys.exit(f"torch for {platform} would come with CUDA. {CPU_INDEX}")
    return found


def for_another(pins: list[str], wheels: Path, platform: str, python: str) -> None:
    """Fetch the pins and all that they need, as wheels for another platform or Python."""
    tags = [part for tag in PLATFORMS[platform][1] for part in ("--platform", tag)]
    for package in resolved(pins, platform, python):
        name, number = package.split("==")
        known = name.lower().replace("-", "_").replace(".", "_")
        # A wheel that is only Python serves every platform, whether it was fetched or built here.
        anywhere = [
            file
            for file in wheels.glob("*-none-any.whl")
            if file.name.lower().replace(".", "_").startswith(f"{known}-{number.replace('.', '_')}-")
        ]  # fmt: skip
        if anywhere:
            continue
        fetch = [
            "download", "--no-deps", "--dest", str(wheels), "--python-version", python,
            "--implementation", "cp", *tags, package,
        ]  # fmt: skip
        command = [sys.executable, "-m", "pip", *fetch, "--only-binary=:all:", "--quiet"]
        if subprocess.run(command, capture_output=True).returncode:
            _build_anywhere(package, wheels, platform)


def _build_anywhere(package, wheels, platform):
    """Build a wheel of a package that comes as source. The wheel has to serve every platform."""
    with tempfile.TemporaryDirectory() as folder:
        pip("wheel", "--no-deps", "--wheel-dir", folder, package)
        (made,) = Path(folder).glob("*.whl")
        if not made.name.endswith("-none-any.whl"):
            sys.exit(f"{package} has no wheel for {platform}: leave that platform or Python out.")
        shutil.copy(made, wheels)


def committed(target: Path) -> None:
    """Write the course as last committed to `target`.

    Raises:
        SystemExit: there are changes that are not committed, or this is no clone.
    """
    git = ["git", "-C", str(ROOT)]
    state = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True
    )
    if state.returncode:
        sys.exit(f"{ROOT} is no clone: the kit is made from a commit. Clone the course with git.")
    if state.stdout.strip():
        sys.exit(
            "The kit is made from the last commit, and there are changes since: make the kit in a fresh "
            "clone, or commit what every copy of the kit should have (no lesson with cleared outputs)."
        )
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "course.tar"
        subprocess.run([*git, "archive", "--output", str(archive), "HEAD"], check=True)
        with tarfile.open(archive) as packed:
            packed.extractall(target, filter="data")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path, files: Iterable[Path]) -> None:
    """Write SHA256SUMS into a folder, in the form that `sha256sum --check` reads."""
    lines = [
        f"{digest(file)}  {file.relative_to(folder).as_posix()}" for file in sorted(files)
    ]  # fmt: skip
    (folder / SUMS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill(wheels: Path, pins: list[str], others: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Fill a wheelhouse; the [platform, Python] that it serves, this one first.

    Args:
        others: (platform, Python) beside this one.
    """
    here = [course.platform_name(), ".".join(map(str, sys.version_info[:2]))]
    print(f"Fetching packages for {' with Python '.join(here)}.", flush=True)
    wheels.mkdir(parents=True)
    for_this_platform(pins, wheels)
    serves = [here]
    for platform, python in others:
        if [platform, python] in serves:
            continue
        print(f"Fetching packages for {platform} with Python {python}.", flush=True)
        for_another(pins, wheels, platform, python)
        serves.append([platform, python])
    facts = {"digest": course.digest(), "serves": serves}
    (wheels / course.KIT_FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    write_sums(wheels, wheels.glob("*.whl"))
    return serves


def start_page(serves: list[list[str]], parts: set[str], size: float) -> str:
    """The page START-HERE.html.

    Args:
        serves: [platform, Python] pairs.
        parts: which of the folders "site" and "slides" the kit has.
        size: bytes of the folder `course`, which people copy to their disk.
    """
    links = {
        "site": '<li><a href="site/index.html">The course as a site</a>: every lesson with its '
        "figures and sounds, to read in the browser</li>",
        "slides": '<li><a href="slides/index.html">The slides</a></li>',
    }
    reading = [text for part, text in links.items() if part in parts]
    reading.append('<li><a href="course/README.md">The course\'s README</a></li>')
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "kit" / "start.html").read_text(encoding="utf-8")
    teaching = ', or with <a href="site/teaching/README.html">its page on the site</a>'
    return Template(text).substitute(
        version=project["version"],
        pythons=" or ".join(sorted({python for _, python in serves})),
        serves="; ".join(f"{platform} with Python {python}" for platform, python in serves),
        room=math.ceil((size + course.ROOM + RESULTS) / 1e9),
        reading="\n".join(reading),
        teaching=teaching if "site" in parts else "",
    )


def make(others: Iterable[tuple[str, str]] = (), site_folder: Path | None = None) -> Path:
    """Build the kit anew; its folder.

    Args:
        others: (platform, Python) beside this one.
        site_folder: the site, ready built; None leaves it out.
    """
    shutil.rmtree(KIT, ignore_errors=True)
    clone = KIT / "course"
    committed(clone)
    serves = fill(clone / course.WHEELHOUSE, course.pinned(), others)
    parts = set()
    for name, folder in {"site": site_folder, "slides": SLIDES}.items():
        if folder is not None and folder.is_dir():
            shutil.copytree(folder, KIT / name)
            parts.add(name)
    page = start_page(serves, parts, size(clone))
    (KIT / "START-HERE.html").write_text(page, encoding="utf-8")
    write_sums(KIT, [file for file in KIT.rglob("*") if file.is_file()])
    return KIT


def size(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def sizes(folder: Path) -> str:
    """The sizes, in MB, of the kit, of its parts and of its largest packages."""
    wheels = folder / "course" / course.WHEELHOUSE
    rows = {path.name: size(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    rows["course"] -= size(wheels)
    rows["wheelhouse"] = size(wheels)
    largest = sorted(wheels.glob("*.whl"), key=size)[-5:][::-1]
    told = ", ".join(f"{name} {value / 1e6:.0f}" for name, value in rows.items())
    heavy = ", ".join(f"{file.name.split('-')[0]} {size(file) / 1e6:.0f}" for file in largest)
    return f"{folder}: {size(folder) / 1e6:.0f} MB ({told}). Largest packages: {heavy}."


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--platform", action="append", choices=list(PLATFORMS), default=[],
        help="a platform to serve, too; may be given again",
    )  # fmt: skip
    parser.add_argument(
        "--python", action="append", choices=PYTHONS, default=[],
        help="a Python to serve on these platforms; without it all that the course supports",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.python and not options.platform:
        parser.error("--python belongs to --platform: name a platform, too")
    others = [(one, number) for one in options.platform for number in options.python or PYTHONS]
    slides.main()  # before the site, which takes them
    folder = make(others, site.build(site.address()))
    print(sizes(folder))
    print(f"Copy {folder} to the sticks. People open START-HERE.html.")


if __name__ == "__main__":
    main()
