"""A page that shows what you have solved, and the word error rate of your own model.

    make progress

The page lies in `build/progress/index.html`. It is made only from `artifacts/` on this machine, and
needs no network. The page is not signed, so it proves nothing to others: whoever can edit a file can
edit this page.
"""

import argparse
import sys
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

from asr_helpers.artifacts import saving
from asr_helpers.finished import OWN, finished_metrics
from asr_helpers.practice import QUESTIONS, load_progress, load_questions
from asr_helpers.profiles import PROFILES, ROOT, Profile, load_profile
from tools import exercises

PAGE = ROOT / "build" / "progress" / "index.html"
STYLE = """
body {font: 1.05rem/1.6 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #111;
  background: #fff}
table {border-collapse: collapse; width: 100%}
th, td {text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #bbb}
.scores {font-size: 1.3rem}
@media print {body {margin: 0}}
"""


def all_questions() -> dict[str, list[str]]:
    """{lesson: names of its questions}, such as {"01": ["01-nyquist", ...]}."""
    lessons = sorted(path.stem[:2] for path in QUESTIONS.glob("*.yaml"))
    return {
        lesson: [f"{lesson}-{one['id']}" for one in load_questions(lesson)["questions"]]
        for lesson in lessons
    }


def all_exercises() -> dict[str, list[str]]:
    """{lesson: names of its exercises}, such as {"01": ["01-1", ...]}, of those that have a check."""
    return {
        path.stem[:2]: [f"{path.stem[:2]}-{one['number']}" for one in exercises.load(path)]
        for path in sorted(exercises.SOURCES.glob("*.yaml"))
    }


def rows() -> list[dict[str, Any]]:
    """A row for each lesson: its name, what was solved of what there is, and the last date.

    A solved question or exercise that no longer exists is not counted.
    """
    solved = load_progress()
    there = {"questions": all_questions(), "exercises": all_exercises()}
    titles = {path.stem[:2]: path.stem for path in (ROOT / "notebooks").glob("[0-9]*_*.ipynb")}
    found = []
    for lesson in sorted(there["questions"].keys() | there["exercises"].keys()):
        row, dates = {"lesson": titles.get(lesson, lesson).replace("_", " ")}, []
        for kind, names in there.items():
            done = [name for name in names.get(lesson, []) if name in solved[kind]]
            row[kind] = (len(done), len(names.get(lesson, [])))
            dates += [solved[kind][name] for name in done]
        row["last"] = max(dates, default="")
        found.append(row)
    return found


def own_scores(profile: Profile) -> dict[str, float] | None:
    """The scores of the learner's own model, or None where lesson 05 has not been run to its end.

    Raises:
        ValueError: the model or its scores are damaged; the message names the file and the remedy.
    """
    if not (profile.artifacts / OWN).is_dir():
        return None  # the model that comes with the course is no result of the learner's
    found = finished_metrics(profile)
    return found if found["model"] == "own" else None


def score_lines(scores: dict[str, float] | None) -> list[str]:
    """What the page says of the learner's own model.

    A test score is shown with its interval; before lesson 06 there is the validation score alone.
    """
    if not scores:
        return ["No model of your own yet: lesson 05 makes it."]
    lines = []
    if "validation_wer" in scores:
        lines.append(f"Validation WER {scores['validation_wer']:.3f} (lesson 05)")
    for name, lesson in {"wer": "lesson 06", "wer_lm": "lesson 08, with a language model"}.items():
        if name in scores:
            told = f"Test WER {scores[name]:.3f}"
            low, high = scores.get(f"{name}_low"), scores.get(f"{name}_high")
            if low is not None and high is not None:
                told += f", 95 % interval {low:.3f} to {high:.3f}"
            lines.append(f"{told} ({lesson})")
    return lines or ["Your model has no score yet: run lesson 05 to its end."]


def page(table: list[dict[str, Any]], scores: dict[str, float] | None, name: str, day: str) -> str:
    """The page as HTML.

    Args:
        table: from `rows`.
        scores: from `own_scores`.
        name: whose page it is; may be empty.
        day: when it was made, such as "2026-11-26".
    """
    whose = f" of {escape(name)}" if name else ""
    lines = []
    for row in table:
        cells = [row["lesson"], *("{} of {}".format(*row[k]) for k in ("questions", "exercises"))]
        cells.append(row["last"])
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    sums = [
        " of ".join(str(sum(row[kind][place] for row in table)) for place in (0, 1))
        for kind in ("questions", "exercises")
    ]
    told = "".join(f"<li>{escape(line)}</li>" for line in score_lines(scores))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Progress{whose}</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>
<h1>Speech recognition, hands on: progress{whose}</h1>
<p>Made on {escape(day)}, from what lies on this machine. Nobody has signed this page.</p>
<h2>Your own model</h2>
<ul class="scores">{told}</ul>
<h2>Solved</h2>
<table><thead><tr><th scope="col">lesson</th><th scope="col">questions</th>
<th scope="col">exercises</th><th scope="col">last</th></tr></thead>
<tbody>
{chr(10).join(lines)}
</tbody>
<tfoot><tr><th scope="row">all</th><td>{sums[0]}</td><td>{sums[1]}</td><td></td></tr></tfoot></table>
</body></html>
"""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="offline", choices=list(PROFILES))
    parser.add_argument("--name", default="", help="the name on the page; it goes nowhere else")
    options = parser.parse_args(arguments)
    try:
        scores = own_scores(load_profile(options.profile))
        text = page(rows(), scores, options.name, date.today().isoformat())
        with saving(Path(PAGE)) as half:
            half.write_text(text, encoding="utf-8")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(f"Open {PAGE} in a browser.")


if __name__ == "__main__":
    main()
