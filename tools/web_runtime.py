"""Fetch ONNX Runtime Web from npm, check it, and pack what the page needs into the package's data.

    python -m tools.web_runtime NOTICES

NOTICES is ThirdPartyNotices.txt of the wheel `onnxruntime` of the same version: npm's package has
no licence texts. Needs npm and a network; done once for a version.
"""

import argparse
import base64
import hashlib
import io
import json
import lzma
import subprocess
import tarfile
import tempfile
from pathlib import Path

from asr_helpers.web_page import RUNTIME


def npm_files(version: str, integrity: str, names: list[str]) -> dict[str, bytes]:
    """{name: content} of files in `dist/` of npm's package onnxruntime-web.

    Raises:
        RuntimeError: npm failed, or the package is not the one whose `integrity` (npm's SHA-512)
            is given.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"onnxruntime-web@{version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            raise RuntimeError(
                f"npm could not fetch onnxruntime-web {version}: {done.stderr.strip()}"
            )
        content = packed.read_bytes()
    digest = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if digest != integrity:
        raise RuntimeError(
            f"npm's onnxruntime-web {version} is another than was checked: {digest}."
        )
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {name: archive.extractfile(f"package/dist/{name}").read() for name in names}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notices", type=Path)
    notices = parser.parse_args().notices.read_bytes()
    facts = json.loads((RUNTIME / "runtime.json").read_text(encoding="utf-8"))
    names = [name for name in facts["sha256"] if name != "ThirdPartyNotices.txt"]
    files = npm_files(facts["version"], facts["integrity"], names)
    for name, content in (files | {"ThirdPartyNotices.txt": notices}).items():
        packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
        (RUNTIME / f"{name}.xz").write_bytes(packed)
        print(name, len(content), "bytes, packed", len(packed), hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
