"""Fetch ONNX Runtime Web from npm, check it, and pack what the page needs into the package's data.

    python -m tools.web_runtime NOTICES

NOTICES is ThirdPartyNotices.txt of the wheel `onnxruntime` of the same version: npm's package has
no licence texts. Needs npm and a network; done once for a version.
"""

import argparse
import hashlib
import json
import lzma
from pathlib import Path

from asr_helpers.web_page import RUNTIME
from tools import npm


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notices", type=Path)
    notices = parser.parse_args().notices.read_bytes()
    facts = json.loads((RUNTIME / "runtime.json").read_text(encoding="utf-8"))
    names = [name for name in facts["sha256"] if name != "ThirdPartyNotices.txt"]
    paths = [f"dist/{name}" for name in names]
    found = npm.files("onnxruntime-web", facts["version"], facts["integrity"], paths)
    files = {path.removeprefix("dist/"): content for path, content in found.items()}
    for name, content in (files | {"ThirdPartyNotices.txt": notices}).items():
        packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
        (RUNTIME / f"{name}.xz").write_bytes(packed)
        print(name, len(content), "bytes, packed", len(packed), hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()
