"""The pages for those who cite, change or release the course name only what there is."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "docs/release.md")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
CITATION = ROOT / "CITATION.cff"
RELEASE = re.compile(r"^## (\d+\.\d+\.\d+) \((not yet released|\d{4}-\d\d-\d\d)\)$", re.MULTILINE)


def unknown_commands(text, targets):
    """The make targets and the modules of the course that a page names and that do not exist."""
    wrong = [f"make {name}" for name in re.findall(r"\bmake (\w+)`", text) if name not in targets]
    wrong += [
        f"make {name}" for name in re.findall(r"^make (\w+)", text, re.M) if name not in targets
    ]
    for module in re.findall(r"python -m (tools[\w.]*)", text):
        if not (ROOT / f"{module.replace('.', '/')}.py").exists():
            wrong.append(module)
    return wrong


def targets():
    return set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_exist(page):
    assert unknown_commands((ROOT / page).read_text(encoding="utf-8"), targets()) == []


def test_a_command_that_is_not_there_would_be_seen():
    text = "`make tea`, `make test`\nmake coffee\n`python -m tools.kettle`"
    assert unknown_commands(text, targets()) == ["make tea", "make coffee", "tools.kettle"]


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./]+/[\w./]*|[\w/]+\.(?:toml|yml|md|py|cff))`", text):
        if not {"NAME", "NN"} & set(re.findall("NAME|NN", name)) and not name.startswith("build"):
            assert (ROOT / name).exists() or name == "artifacts/", name


def test_the_citation_holds_what_the_format_asks_for():
    found = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    assert found["cff-version"] == "1.2.0" and found["type"] == "software"
    assert found["title"] and found["message"] and found["authors"][0]["name"]
    assert found["license"] in PROJECT["license"]
    known = {"cff-version", "message", "type", "title", "authors", "version", "license", "keywords"}
    assert set(found) <= known | {"repository-code", "date-released"}
    assert found.get("repository-code") == PROJECT.get("urls", {}).get("Repository")


def test_one_version_stands_in_all_files_and_a_date_only_when_it_is_released():
    citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    (number, when), *_ = RELEASE.findall((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert number == str(citation["version"]) == PROJECT["version"]
    released = citation.get("date-released")
    assert when == (released.isoformat() if isinstance(released, date) else "not yet released")


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"], ids=str)
def test_an_issue_form_is_as_github_reads_it(form):
    found = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(found)
    names = [part["id"] for part in found["body"]]
    assert len(set(names)) == len(names)
    for part in found["body"]:
        assert part["type"] in ("input", "textarea", "dropdown") and part["attributes"]["label"]
    assert any(part.get("validations", {}).get("required") for part in found["body"])


def test_there_are_issue_forms_for_learners_and_for_teachers():
    assert {form.stem for form in FORMS} >= {"mistake", "question", "taught", "config"}
