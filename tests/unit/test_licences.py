"""What stands under which licence: the files that say it agree with each other."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from asr_helpers.profiles import PROFILES

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Licences\n")[1]
CARD = (ROOT / "asr_helpers" / "data" / "README.md").read_text(encoding="utf-8")


def test_the_licence_of_code_is_whole_and_that_of_the_text_is_named():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("Copyright 2026 the asr-course contributors\n")
    for part in ("Apache-2.0", "CC-BY-4.0", "Grant of Patent License", "END OF TERMS"):
        assert part in text


def test_the_project_names_every_licence_as_spdx_does():
    expression = PROJECT["license"]
    assert canonicalize_license_expression(expression) == expression
    held = {"Apache-2.0", "CC-BY-4.0", "MIT"}
    held |= {name.replace("CC ", "CC-").replace("BY ", "BY-").replace("SA ", "SA-")
             for name in re.findall(r"\| (CC BY(?:-SA)? \d\.\d) \|", CARD)}  # fmt: skip
    assert set(expression.split(" AND ")) == held
    for pattern in PROJECT["license-files"]:
        assert list(ROOT.glob(pattern)), pattern


def test_each_corpus_in_the_repository_has_its_licence_in_the_card():
    for path in (ROOT / "asr_helpers" / "data").glob("*.parquet"):
        assert re.search(rf"^\| {path.stem} \|.*\| CC BY(-SA)? \d\.\d \|$", CARD, re.MULTILINE)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_readme_says_what_licence_a_fine_tuned_model_gets(profile):
    name = profile.licence.upper().replace("CC-BY", "CC BY").replace("SA-", "SA ")
    name = re.sub(r"BY-(\d)", r"BY \1", name)
    said = README.split("**Your fine-tuned model**")[1]
    assert f"under {name} " in said, name


@pytest.mark.parametrize(
    "part", ["code", "text", "prompts", "weights", "MInDS-14", "wav2vec2-base", "packages"]
)
def test_the_readme_has_a_row_for_each_part(part):
    rows = [line for line in README.splitlines() if line.startswith("|")]
    assert any(part in row.split("|")[1] for row in rows)
