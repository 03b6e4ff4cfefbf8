"""Build slides in `build/slides`, one deck a lesson, from `teaching/slides/*.md`.

    python -m tools.slides

A deck opens from disk (`build/slides/index.html`) and asks no host for anything. Its figures,
sounds, tables and printed lines are those of the stored lesson. The first slide has the lesson's
aims, and the last two have its recap and its exercises, so they need not be written.

In the Markdown, `---` on a line of its own ends a slide, and what follows `Notes:` is for the
speaker. The notes before the first `---` belong to the first slide. These lines stand for parts of
the lesson:

    {{waveform}}         what the code cell `NN-waveform` shows; leave out the number of its id
    {{worst 1}}          only the first of its outputs
    {{code: waveform}}   the cell's code
    {{ask: nyquist}}     a question of `teaching/quizzes`; its answer joins the notes

Needs the course's environment, and npm the first time, which brings reveal.js.
"""

import html
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mistune
import nbformat
import yaml

from tools import npm
from tools.site import SLIDES

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "teaching" / "slides"
LESSONS, QUIZZES = ROOT / "notebooks", ROOT / "teaching" / "quizzes"
REVEAL = (
    "reveal.js",
    "5.2.1",
    "sha512-r7//6mIM5p34hFiDMvYfXgyjXqGRta+/psd9YtytsgRlrpRzFv4RbH76TXd2qD+7ZPZEbpBDhdRhJaFgfQ7zNQ==",
)
# The files of the package that a deck needs, and their names beside the decks.
PARTS = {
    "dist/reset.css": "reveal/reset.css",
    "dist/reveal.css": "reveal/reveal.css",
    "dist/reveal.js": "reveal/reveal.js",
    "plugin/notes/notes.js": "reveal/notes.js",
    "LICENSE": "reveal/LICENSE",
}
DIRECTIVE = re.compile(r"^\{\{(?:(code|ask): *)?([\w-]+)(?: (\d+))?\}\}$", re.MULTILINE)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{styles}
</head>
<body>
{body}
</body>
</html>
"""
START = """<script src="reveal/reveal.js"></script>
<script src="reveal/notes.js"></script>
<script>
Reveal.initialize({
  width: 1280, height: 720, margin: 0.04, center: false, hash: true, slideNumber: "c/t",
  transition: "none", backgroundTransition: "none", pdfSeparateFragments: false,
  plugins: [RevealNotes],
});
</script>"""


class SlidesError(ValueError):
    """A deck asks for what its lesson does not have; the message names file, slide and remedy."""


def markdown(text: str) -> str:
    """Markdown as HTML; HTML within it stays."""
    return mistune.create_markdown(escape=False, plugins=["table"])(text)


def parse(text: str) -> list[tuple[str, str]]:
    """(Markdown, notes) of each slide; the first has no Markdown of its own."""
    parts = re.split(r"^---$", text, flags=re.MULTILINE)
    found = [[*re.split(r"^Notes:$", part, maxsplit=1, flags=re.MULTILINE), ""] for part in parts]
    return [(body.strip(), notes.strip()) for body, notes, *_ in found]


def title_of(body: str) -> str:
    """The heading of a slide, or how it begins."""
    return body.strip().splitlines()[0].lstrip("# ") if body.strip() else "the first slide"


def lines(text: str) -> str:
    """Printed text without empty lines at its ends; the first line stays indented."""
    return text.rstrip().lstrip("\n")


def shown(output: Any) -> str:
    """One output of a stored cell as HTML; empty for what is no use on a slide."""
    if output.output_type == "stream":
        return f"<pre>{html.escape(lines(output.text))}</pre>" if output.name == "stdout" else ""
    data = output.get("data", {})
    if "text/html" in data:
        return "" if "<progress" in data["text/html"] else data["text/html"]
    if "text/markdown" in data:
        return markdown(data["text/markdown"])
    return f"<pre>{html.escape(lines(data.get('text/plain', '')))}</pre>"


class Deck:
    """The slides of one lesson.

    Args:
        path: the deck's Markdown, named as its lesson, such as `01_explore.md`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.slides = parse(path.read_text(encoding="utf-8"))
        lesson = LESSONS / f"{path.stem}.ipynb"
        if not lesson.exists():
            raise SlidesError(f"{path.name} belongs to no lesson: there is no {lesson.name}.")
        self.cells = nbformat.read(lesson, as_version=4).cells
        self.title = self.cells[0].source.splitlines()[0].lstrip("# ")

    def wrong(self, body: str, what: str) -> SlidesError:
        """The error of a slide."""
        return SlidesError(f"{self.path.name}, slide “{title_of(body)}”: {what}")

    def cell(self, name: str, body: str) -> Any:
        """The code cell with this name: its id without the number in front."""
        code = {re.sub(r"^\d+-", "", c.id): c for c in self.cells if c.cell_type == "code"}
        if name not in code:
            raise self.wrong(
                body, f"the lesson has no code cell `{name}`. It has {', '.join(code)}."
            )
        return code[name]

    def output(self, name: str, number: str | None, body: str) -> str:
        """What a cell shows, as HTML, or only one of its outputs, counted from 1."""
        found = [text for text in map(shown, self.cell(name, body).outputs) if text]
        if not found or (number and not 1 <= int(number) <= len(found)):
            raise self.wrong(
                body,
                f"the stored cell `{name}` shows {len(found)} outputs, and {number or 'one or more'} "
                "was asked for. Were the lesson's outputs cleared? Then "
                f"`git checkout notebooks/{self.path.stem}.ipynb` brings the lesson back as last "
                "committed, without your changes. Otherwise mend the slide, or run `make render`.",
            )
        return "\n".join([found[int(number) - 1]] if number else found)

    def question(self, name: str, body: str) -> tuple[str, str]:
        """(HTML, answer as Markdown) of a question."""
        path = QUIZZES / f"{self.path.stem}.yaml"
        found = (
            yaml.safe_load(path.read_text(encoding="utf-8"))["questions"] if path.exists() else []
        )
        for one in found:
            if one["id"] == name:
                lines = [f"**{letter})** {text}" for letter, text, _ in one.get("options", [])]
                text = "\n".join([one["question"], "", *(f"- {line}" for line in lines)])
                return markdown(text), f"Answer: **{one['answer']}**. {one['why']}"
        raise self.wrong(body, f"teaching/quizzes/{path.name} has no question `{name}`.")

    def section(self, body: str, notes: str, kind: str = "") -> str:
        """One slide as HTML, with what its directives stand for."""
        blocks: list[str] = []
        answers: list[str] = []

        def put(match: re.Match) -> str:
            what, name, number = match.groups()
            if what == "code":
                source = html.escape(self.cell(name, body).source)
                block = f'<pre class="code"><code>{source}</code></pre>'
            elif what == "ask":
                block, answer = self.question(name, body)
                answers.append(answer)
            else:
                block = f'<div class="shown">{self.output(name, number, body)}</div>'
            blocks.append(block)
            return f"\n<div>PART{len(blocks) - 1};</div>\n"

        text = DIRECTIVE.sub(put, body)
        if "{{" in text:
            raise self.wrong(
                body, "a line with `{{` is not one of the forms that tools/slides.py knows."
            )
        page = markdown(text)
        for number, block in enumerate(blocks):
            page = page.replace(f"<div>PART{number};</div>", block)
        told = markdown("\n\n".join([notes, *answers]))
        return f'<section class="{kind}">\n{page}<aside class="notes">{told}</aside>\n</section>'

    def from_lesson(self) -> tuple[str, str, str]:
        """(aims, recap, exercises) of the lesson, as Markdown."""
        closing = next(c.source for c in self.cells if "## What you can do now" in c.source)
        aims = re.search(
            r"\*\*After this lesson you can\*\*\s*(.*?)\n\n", self.cells[0].source, re.S
        )
        recap, _, exercises = closing.partition("## Exercises")
        return aims[1], recap.strip(), exercises.strip()

    def sections(self) -> Iterator[str]:
        """Each slide as HTML."""
        aims, recap, exercises = self.from_lesson()
        (_, first_notes), *others = self.slides
        stem = self.path.stem
        yield self.section(
            f"# {self.title}\n\nAfter this lesson you can\n\n{aims}", first_notes, "title"
        )
        for body, notes in others:
            yield self.section(body, notes)
        close = "Let the learners say each aim in their own words before you show its line."
        yield self.section(recap, close, "text")
        sheet = (
            f"Questions to print: `teaching/quizzes/{stem}.md`. Solutions: `notebooks/solutions`."
        )
        yield self.section(f"## Exercises\n\n{exercises}", sheet, "text")

    def html(self) -> str:
        """The whole deck as a page."""
        # Links to other files of the course lead nowhere from a deck: their words stay.
        slides = re.sub(r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"\1", "\n".join(self.sections()))
        names = ("reveal/reset.css", "reveal/reveal.css", "style.css")
        styles = "\n".join(f'<link rel="stylesheet" href="{name}">' for name in names)
        body = f'<main class="reveal"><div class="slides">\n{slides}\n</div></main>\n{START}'
        return PAGE.format(title=html.escape(self.title), styles=styles, body=body)


def decks() -> list[Deck]:
    """Every deck, in the order of the lessons.

    Raises:
        SlidesError: a deck belongs to no lesson.
    """
    return [Deck(path) for path in sorted(SOURCE.glob("[0-9]*.md"))]


def index(found: list[Deck]) -> str:
    """The page that lists the decks."""
    listed = "\n".join(
        f'<li><a href="{deck.path.stem}.html">{html.escape(deck.title)}</a> '
        f'(<a href="{deck.path.stem}.html?print-pdf" aria-label="print {html.escape(deck.title)}">print</a>)</li>'
        for deck in found
    )
    body = (
        f"<main><h1>Slides</h1><ul>{listed}</ul>"
        "<p>Keys: <kbd>→</kbd> next slide, <kbd>S</kbd> the speaker's view with notes, "
        "<kbd>O</kbd> overview, <kbd>F</kbd> full screen, <kbd>?</kbd> all keys. To print a deck, or to "
        "save it as PDF, open “print” in Chromium or Chrome, and print with the browser.</p>"
        "<p>The slides stand under CC BY 4.0, their sounds under CC BY-SA 3.0 (the speakers are named "
        'in the course\'s data card). They use reveal.js (<a href="reveal/LICENSE">MIT</a>).</p></main>'
    )
    return PAGE.format(title="Slides", styles='<link rel="stylesheet" href="style.css">', body=body)


def build() -> Path:
    """Build every deck; their folder. An older build goes only when the new one is ready.

    Raises:
        SlidesError: a deck asks for what its lesson does not have.
        RuntimeError: npm could not fetch reveal.js.
    """
    half = SLIDES.with_name("slides.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    found = decks()
    for deck in found:
        (half / f"{deck.path.stem}.html").write_text(deck.html(), encoding="utf-8")
    (half / "index.html").write_text(index(found), encoding="utf-8")
    shutil.copy(SOURCE / "style.css", half)
    for path, content in npm.files(*REVEAL, PARTS).items():
        (half / PARTS[path]).parent.mkdir(exist_ok=True)
        (half / PARTS[path]).write_bytes(content)
    shutil.rmtree(SLIDES, ignore_errors=True)
    half.rename(SLIDES)
    return SLIDES


def main() -> None:
    try:
        folder = build()
    except (SlidesError, RuntimeError, OSError) as error:
        sys.exit(str(error))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{len(decks())} decks, {size / 1e6:.1f} MB in {folder}")
    print(f"Open {folder / 'index.html'}")


if __name__ == "__main__":
    main()
