"""Chromium is found by any of its names, and its absence is said in a sentence."""

import pytest

from tools import chromium


@pytest.mark.parametrize("name", chromium.NAMES)
def test_each_name_is_found(name, tmp_path, monkeypatch):
    (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.installed() == chromium.required() == str(tmp_path / name)


def test_where_there_is_none_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.installed() is None
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        chromium.required()
