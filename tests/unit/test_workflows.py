"""The workflows cannot run here; that what they name exists can be seen here."""

import re
from pathlib import Path

import pytest
import yaml

import course

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def read(path):
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    found["on"] = found.pop(True)  # YAML 1.1 takes the word `on` for a truth
    return found


def steps(path):
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def versions(workflow):
    """The Pythons of a workflow's matrix, with those of its single additions."""
    for job in workflow["jobs"].values():
        matrix = job["strategy"]["matrix"]
        yield from matrix["python"]
        yield from (row["python"] for row in matrix.get("include", []))


TESTING = [path for path in WORKFLOWS if path.stem in ("canary", "tests")]


# Commands of a runner alone: its summary, its disk, its browser.
OTHERS = ("cat build/", "sudo rm -rf /usr/share", "if ! command -v firefox-esr")


def test_each_is_known():
    known = {"canary", "colab", "colab_image", "pages", "publish", "site", "tests", "weekly"}
    assert {path.stem for path in WORKFLOWS} == known


def test_pages_builds_what_it_deploys_and_only_the_deployment_may_write():
    workflow = read(ROOT / ".github" / "workflows" / "pages.yml")
    assert set(workflow["on"]) == {"workflow_dispatch"}
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    assert "permissions" not in build and deploy["needs"] == "build"
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}
    (made,) = [step for step in build["steps"] if step.get("run") == "make web"]
    # As a variable of the environment: a name typed by hand cannot be a command.
    assert made["env"] == {"MODEL": "${{ inputs.model }}"}
    assert build["steps"][-1]["with"]["path"] == "build/web"


def test_only_a_release_by_hand_may_write_and_its_address_is_that_of_its_repository():
    workflow = read(ROOT / ".github" / "workflows" / "publish.yml")
    assert set(workflow["on"]) == {"workflow_dispatch"}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write"}
    command = 'make publish ADDRESS="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"'
    assert job["steps"][-1]["run"] == command
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^export ADDRESS$", makefile, re.MULTILINE)
    assert re.search(r'tools\.publish "\$\$ADDRESS"$', makefile, re.MULTILINE)


def test_colabs_packages_and_colabs_image_are_tried_every_week():
    for name, command in {"colab": "make colab", "colab_image": "make colab_image"}.items():
        path = ROOT / ".github" / "workflows" / f"{name}.yml"
        assert re.fullmatch(r"\d+ \d+ \* \* \d", read(path)["on"]["schedule"][0]["cron"])
        assert command in [step.get("run") for step in steps(path)]
        told = [step for step in steps(path) if step.get("if") == "always()"]
        assert told[1]["with"]["path"] == "build/colab.*"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "us-docker.pkg.dev/colab-images/public/runtime" in makefile
    assert makefile.count("-m tools.colab --here") == 1


def test_the_weekly_job_has_what_the_firefox_test_needs():
    needs = (ROOT / "tests" / "browser" / "test_firefox_page.py").read_text(encoding="utf-8")
    assert all(f'which("{name}")' in needs for name in ("firefox-esr", "firefox", "npm"))
    found = steps(ROOT / ".github" / "workflows" / "weekly.yml")
    (install,) = [step["run"] for step in found if "firefox" in step.get("run", "")]
    assert "command -v firefox-esr firefox" in install and "install" in install
    assert any(step.get("uses", "").startswith("actions/setup-node@") for step in found)
    assert found[-1]["run"] == "make weekly"


def test_a_release_publishes_the_site_that_is_built_from_its_tag():
    workflow = read(ROOT / ".github" / "workflows" / "site.yml")
    assert workflow["on"]["push"] == {"tags": ["v*"]}  # no branch: only a release is published
    build, deploy = workflow["jobs"]["build"], workflow["jobs"]["deploy"]
    assert [step["run"] for step in build["steps"] if "run" in step] == ["make site"]
    assert build["steps"][-1]["with"]["path"] == "build/site"
    assert "permissions" not in build and deploy["needs"] == "build"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_it_may_only_read_and_ends_in_time(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        writes = any(word in str(job["steps"]) for word in ("deploy", "make publish"))
        assert ("permissions" in job) == writes and 0 < job["timeout-minutes"] <= 360


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_its_commands_and_files_exist_and_its_actions_are_of_one_major_version(path):
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
            cached = step.get("with", {}).get("cache-dependency-path")
            assert cached is None or (ROOT / cached).exists()
        elif not step["run"].startswith(OTHERS):
            assert re.fullmatch(r"make (\w+).*", step["run"])[1] in TARGETS


@pytest.mark.parametrize("path", TESTING, ids=lambda path: path.stem)
def test_it_runs_the_oldest_and_the_newest_python_on_linux(path):
    workflow = read(path)
    ends = {".".join(map(str, end)) for end in (course.OLDEST, course.NEWEST)}
    assert set(versions(workflow)) == ends
    assert {job["runs-on"] for job in workflow["jobs"].values()} == {"ubuntu-latest"}


def test_changes_are_tested_and_the_canary_is_weekly_and_tells_whatever_happens():
    tests, canary = (read(ROOT / ".github" / "workflows" / f"{n}.yml") for n in ("tests", "canary"))
    assert "pull_request" in tests["on"] and tests["on"]["push"] == {"branches": ["main"]}
    assert re.fullmatch(r"\d+ \d+ \* \* \d", canary["on"]["schedule"][0]["cron"])
    told = [step for step in steps(ROOT / ".github" / "workflows" / "canary.yml") if "if" in step]
    assert [step["if"] for step in told] == ["always()"] * 2
    assert "$GITHUB_STEP_SUMMARY" in told[0]["run"]
    assert "upload-artifact" in told[1]["uses"] and told[1]["with"]["path"] == "build/canary.*"


def test_the_canarys_options_are_its_own():
    from tools.canary import parse

    matrix = read(ROOT / ".github" / "workflows" / "canary.yml")["jobs"]["canary"]["strategy"]
    rows = [*matrix["matrix"]["options"], *(row["options"] for row in matrix["matrix"]["include"])]
    parsed = [parse(options.split()) for options in rows]
    assert [(one.beyond, one.lowest) for one in parsed] == [
        (False, False), (True, False), (False, True),
    ]  # fmt: skip
