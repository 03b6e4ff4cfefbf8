import pytest

from asr_helpers.artifacts import last_checkpoint, require


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


def test_a_half_written_checkpoint_is_not_trusted(tmp_path):
    assert last_checkpoint(tmp_path / "nowhere") is None
    states = {3: "{}", 20: "{}", 100: '{"cut": ', 200: None}
    for step, state in states.items():
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-20")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"checkpoint-3", "checkpoint-20"}
