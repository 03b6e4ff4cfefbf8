import pytest

from asr_helpers.artifacts import require


def test_what_exists_is_given_back(tmp_path):
    (tmp_path / "model.safetensors").write_text("weights")
    assert require(tmp_path, "04") == tmp_path
    assert require(str(tmp_path / "model.safetensors"), "04").read_text() == "weights"


def test_what_is_missing_names_its_lesson_and_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="no_such.*lesson 04.*make course"):
        require(tmp_path / "no_such", "04")


def test_an_empty_folder_counts_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="lesson 04"):
        require(tmp_path, "04")
