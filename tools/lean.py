"""Make an executed notebook fit to be stored: no audio, no progress, no paths, no metadata."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
# An executed audio player carries its whole sound. A line of text takes its place, except where
# `plots.player` has made the sound small and marked the player as one to keep.
AUDIO = re.compile(r"<audio(?![^>]*data-kept).*?</audio>", re.DOTALL)
PROGRESS = re.compile(r"\r|%\|")


def lean_output(output):
    """The output as it may be stored, or None where nothing of it may."""
    if output.output_type == "stream" and (output.name == "stderr" or PROGRESS.search(output.text)):
        return None
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        return None
    if "<audio" in data.get("text/html", ""):
        data["text/html"] = AUDIO.sub(
            "<em>▶ audio player: run the cell to listen</em>", data["text/html"]
        )
    output.get("metadata", {}).clear()
    if output.output_type == "stream":
        output.text = output.text.replace(f"{ROOT}/", "")
    for kind, value in data.items():
        if isinstance(value, str) and not kind.startswith("image/"):
            data[kind] = value.replace(f"{ROOT}/", "")
    return output


def lean(path):
    """Rewrite the notebook at `path`: lean outputs, cells numbered from 1, no metadata of a run."""
    notebook = nbformat.read(path, as_version=4)
    number = 0
    kept = []
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", []):
            continue
        tags = cell.metadata.get("tags", [])
        cell.metadata = nbformat.NotebookNode({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            number += 1
            cell.execution_count = number
            cell.outputs = [o for o in map(lean_output, cell.outputs) if o is not None]
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = number
        kept.append(cell)
    notebook.cells = kept
    notebook.metadata = nbformat.NotebookNode(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    nbformat.write(notebook, path)
