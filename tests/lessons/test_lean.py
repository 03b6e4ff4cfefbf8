import nbformat

from tools.lean import ROOT, lean


def stored(tmp_path, *outputs, tags=()):
    cell = nbformat.v4.new_code_cell("1", outputs=list(outputs), execution_count=7)
    cell.metadata.update({"tags": list(tags), "papermill": {"duration": 1}})
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"papermill": {}})
    nbformat.write(notebook, tmp_path / "a.ipynb")
    lean(tmp_path / "a.ipynb")
    return nbformat.read(tmp_path / "a.ipynb", as_version=4)


def test_players_lose_their_sound_and_keep_their_place(tmp_path):
    html = '<audio controls><source src="data:audio/wav;base64,AAAA"/></audio>'
    cell = stored(tmp_path, nbformat.v4.new_output("display_data", {"text/html": html})).cells[0]
    assert "base64" not in str(cell) and "run the cell to listen" in str(cell)


def test_a_small_player_that_is_marked_stays(tmp_path):
    kept = '<audio controls data-kept aria-label="a" src="data:audio/mpeg;base64,AAAA"></audio>'
    other = '<audio controls aria-label="b" src="data:audio/wav;base64,BBBB"></audio>'
    html = nbformat.v4.new_output("display_data", {"text/html": kept + other})
    stored_html = stored(tmp_path, html).cells[0].outputs[0].data["text/html"]
    assert kept in stored_html and "BBBB" not in stored_html


def test_progress_warnings_and_widgets_go(tmp_path):
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="10%|# | 1/10\r20%|## | 2/10"),
        nbformat.v4.new_output("stream", name="stderr", text="a warning"),
        nbformat.v4.new_output(
            "display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}
        ),
        nbformat.v4.new_output("stream", name="stdout", text="kept"),
    ]
    found = stored(tmp_path, *outputs).cells[0].outputs
    assert [output.text for output in found] == ["kept"]


def test_paths_of_the_machine_go(tmp_path):
    text = nbformat.v4.new_output("stream", name="stdout", text=f"{ROOT}/artifacts/model")
    assert stored(tmp_path, text).cells[0].outputs[0].text == "artifacts/model"


def test_cells_are_numbered_and_metadata_goes(tmp_path):
    notebook = stored(tmp_path, tags=["parameters"])
    assert notebook.cells[0].execution_count == 1
    assert notebook.cells[0].metadata == {"tags": ["parameters"]}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_injected_parameters_go(tmp_path):
    assert stored(tmp_path, tags=["injected-parameters"]).cells == []
