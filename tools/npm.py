"""Files of a package of npm's registry: fetched with npm, checked against the digest that was pinned.

What was fetched is kept in `build/npm`, so that a second build needs no network.
"""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "npm"


def digest(content: bytes) -> str:
    """The digest of a package as `npm view NAME dist.integrity` writes it, such as "sha512-r7//..."."""
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def fetched(name: str, version: str) -> bytes:
    """A package as npm packs it, a compressed tar archive.

    Raises:
        RuntimeError: npm is missing, or could not fetch the package.
    """
    with tempfile.TemporaryDirectory() as folder:
        npm = shutil.which("npm") or "npm"  # on Windows: npm.cmd; "npm" alone does not start it
        command = [npm, "pack", "--silent", f"{name}@{version}"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        except FileNotFoundError:
            raise RuntimeError(
                f"{name} {version} comes from npm, and npm is not installed: install Node.js."
            ) from None
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise RuntimeError(f"npm could not fetch {name} {version}: {done.stderr.strip()}")
        return packed.read_bytes()


def files(name: str, version: str, integrity: str, wanted: Iterable[str]) -> dict[str, bytes]:
    """{path: content} of files of a package.

    Args:
        integrity: the digest that npm gives for the package.
        wanted: paths within the package, such as "dist/reveal.js".

    Raises:
        RuntimeError: npm failed, or the package is another than the one that was pinned.
    """
    kept = KEPT / f"{name}-{version}.tgz"
    content = kept.read_bytes() if kept.exists() else b""
    if digest(content) != integrity:
        content = fetched(name, version)
        if digest(content) != integrity:
            raise RuntimeError(
                f"npm's {name} {version} is not the package that was checked: its digest is "
                f"{digest(content)}. Check the package, then pin this digest."
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(".half")
        half.write_bytes(content)
        half.replace(kept)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {path: archive.extractfile(f"package/{path}").read() for path in wanted}
