"""The page in a real Firefox, driven by puppeteer-core from npm: its texts equal Python's."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from test_browser_page import PRECISIONS, clips, expected, pages, served  # noqa: F401  (fixtures)

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
DRIVER = "puppeteer-core@24.43.1"
pytestmark = [
    pytest.mark.weekly,
    pytest.mark.skipif(not FIREFOX, reason="needs Firefox, such as `apt-get install firefox-esr`"),
    pytest.mark.skipif(not shutil.which("npm"), reason="needs npm, to install its driver"),
]


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """A folder with the driver and the script that uses it."""
    folder = tmp_path_factory.mktemp("firefox")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", DRIVER]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{DRIVER} cannot be installed: {done.stderr[-200:]}")
    shutil.copy(Path(__file__).parent / "firefox.mjs", folder)
    return folder


@pytest.mark.parametrize("precision", PRECISIONS)
def test_ten_files_are_written_in_firefox_as_python_writes_them(
    driven, pages, clips, expected, precision  # noqa: F811
):  # fmt: skip
    with served(pages[precision]) as (_, address):
        command = ["node", "firefox.mjs", address, FIREFOX, *map(str, clips[0])]
        done = subprocess.run(command, cwd=driven, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["texts"] == expected[precision] and told["errors"] == []
