"""What the site is built from. The build itself and the browser's view of it are a weekly test."""

import json
import re

import pytest

from tools import address, site

KNOWN = {"README.md", "notebooks/01_explore.ipynb", "asr_helpers/data/README.md"}


def rewritten(text, page="notebooks/01_explore.ipynb"):
    return site.rewritten(text, page, KNOWN)


@pytest.fixture(scope="module")
def staged():
    site.stage()
    return site.SOURCE


def test_badges_and_far_pictures_go():
    text = "a [![Colab](https://x.org/b.svg)](https://x.org) b ![A map](https://x.org/m.png) c"
    assert rewritten(text) == ("a  b A map c", set())


def test_links_to_pages_stay_and_other_files_are_brought():
    text, files = rewritten("[card](../asr_helpers/data/README.md#a) [pins](../environment.yml)")
    assert text == "[card](../asr_helpers/data/README.md#a) [pins](../environment.yml)"
    assert files == {"environment.yml"}


def test_links_to_modules_lead_to_their_api_page():
    assert rewritten("[p](../asr_helpers/profiles.py)")[0] == "[p](../api/asr_helpers/profiles/index.rst)"  # fmt: skip


def test_a_link_to_a_folder_leads_to_its_page_or_is_text():
    assert rewritten("[b](../asr_helpers/data/)")[0] == "[b](../asr_helpers/data/README.md)"
    assert rewritten("[t](../tests/unit/)")[0] == "t"


def test_the_readme_is_the_first_page():
    assert rewritten("[r](../README.md#a)")[0] == "[r](../index.md#a)"


def test_colab_is_linked_only_with_an_address_and_where_the_lesson_can_set_itself_up(tmp_path):
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# T\n\nText"},
        {"cell_type": "code", "metadata": {"tags": ["colab-setup"]}, "source": "1"},
    ]
    path = tmp_path / "01_explore.ipynb"

    def title(cells, where):
        path.write_text(json.dumps({"cells": cells}))
        notebook, _ = site.staged_notebook(path, "notebooks/01_explore.ipynb", KNOWN, where)
        assert len(notebook["cells"]) == 1
        return notebook["cells"][0]["source"]

    where = "https://github.com/ada/course"
    release = f"colab.research.google.com/github/ada/course/blob/{address.tag()}/notebooks/01"
    assert release in title(cells, where)  # as the badges have it, so that both open one lesson
    assert title(cells, None) == title(cells[:1], where) == "# T\n\nText"


def test_every_page_is_staged_and_in_the_table_of_contents(staged):
    contents = (staged / "index.md").read_text(encoding="utf-8")
    names = [name for names in site.pages().values() for name in names]
    assert len(names) == len(set(names)) > 20
    for name in names:
        assert (staged / name).exists() and name in contents


def test_a_page_that_another_page_links_to_is_in_the_table_of_contents(staged):
    listed = {name for names in site.pages().values() for name in names}
    others = {path.relative_to(site.SOURCE).as_posix() for path in site.SOURCE.rglob("*.md")}
    assert others - listed <= {"index.md"}


def test_no_staged_page_shows_a_picture_from_another_host(staged):
    for page in [*staged.rglob("*.md"), *staged.rglob("*.ipynb")]:
        assert not re.search(r"!\[[^\]]*\]\(https?:", page.read_text(encoding="utf-8")), page


def test_names_are_given_to_what_the_theme_leaves_without():
    button = '<button class="btn search-button-field x" title="Search" aria-label="Search" a="b">'
    assert "aria-label" not in site.named(button)
    assert 'aria-label="open"' in site.named('<summary><span class="toctree-toggle" r="p">')
