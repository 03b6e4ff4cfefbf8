"""The slides: each deck takes what it shows from its stored lesson, and names what is missing."""

import re

import nbformat
import pytest

from tools import npm, slides

SOURCES = sorted(slides.SOURCE.glob("[0-9]*.md"))
names = lambda path: path.stem  # noqa: E731


@pytest.fixture(scope="module")
def pages():
    """{deck: its page}, built from the stored lessons."""
    return {path.stem: slides.Deck(path).html() for path in SOURCES}


def test_each_lesson_has_a_deck():
    wanted = {f"{n:02}" for n in (*range(1, 10), 11)}
    assert wanted <= {path.stem[:2] for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_deck_has_12_to_20_slides_with_notes_and_figures_with_alt_text(path, pages):
    page = pages[path.stem]
    sections = re.findall(r"<section.*?</section>", page, re.DOTALL)
    assert 12 <= len(sections) <= 20 and page.count("<section") == len(sections)
    for section in sections:
        assert re.search(r"<h[12]>", section)
        assert re.search(r'<aside class="notes">\s*<p>', section), section[:200]
    images = re.findall(r"<img[^>]*>", page)
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)
    assert all('src="data:image/png;base64,' in image for image in images)
    assert len(images) + page.count("<audio") >= 1


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_a_deck_loads_nothing_from_another_host(path, pages):
    loaded = re.findall(r'(?:src|<link[^>]*href|poster|srcset)="([^"]{1,200})', pages[path.stem])
    own = ("data:", "reveal/", "style.css")
    assert [name[:60] for name in loaded if not re.search("|".join(own), name)] == []
    css = (slides.SOURCE / "style.css").read_text(encoding="utf-8")
    assert "url(" not in css and "@import" not in css


@pytest.mark.parametrize("path", SOURCES, ids=names)
def test_no_score_of_the_model_stands_in_a_decks_own_words(path):
    text = re.sub(r"^\{\{.*\}\}$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not re.search(r"(?:WER|CER)[^.\n]{0,20}\b0\.\d", text)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """small(text) is the deck with this Markdown, of a lesson with two cells that show something."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    printed = nbformat.v4.new_output("stream", text="\n  a < b\n")
    figure = nbformat.v4.new_output(
        "display_data", data={"text/html": '<img alt="A wave." src="data:,">', "text/plain": "x"}
    )
    progress = nbformat.v4.new_output("display_data", data={"text/html": "<progress></progress>"})
    cells = [
        text("# 77 · Small: a test\n\n**After this lesson you can**\n\n1. see;\n\n**Before**"),
        code("print()", id="03-words", outputs=[printed]),
        code("draw()", id="04-wave", outputs=[progress, figure, printed]),
        code("1", id="05-silent"),
        text("## What you can do now\n\n1. **See.** [a](../b.md)\n\n## Exercises\n\n1. Draw."),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "77_small.ipynb")
    monkeypatch.setattr(slides, "LESSONS", tmp_path)

    def make(text, stem="77_small"):
        path = tmp_path / f"{stem}.md"
        path.write_text(text, encoding="utf-8")
        return slides.Deck(path)

    return make


def test_a_slide_holds_what_the_lesson_shows(small):
    page = small(
        "Notes:\nHello.\n---\n## One\n\n{{wave}}\n\n{{code: words}}\n\nNotes:\nSay *it*.\n"
        "---\n## Two\n\n{{wave 2}}\n\nNotes:\nB.\n"
    ).html()
    title, one, two, recap, exercises = re.findall(r"<section.*?</section>", page, re.DOTALL)
    assert "<h1>77 · Small: a test</h1>" in title and "<li>see;</li>" in title and "Hello." in title
    assert '<img alt="A wave."' in one and "<pre>  a &lt; b</pre>" in one and "progress" not in one
    assert "<code>print()</code>" in one and "<em>it</em>" in one
    assert "<img" not in two and "a &lt; b" in two
    assert "<strong>See.</strong> a</li>" in recap and "Draw." in exercises


def test_a_question_stands_on_the_slide_and_its_answer_in_the_notes():
    page = slides.Deck(SOURCES[0])
    section = page.section("## Ask\n\n{{ask: nyquist}}", "")
    shown, notes = section.split("<aside")
    assert "highest frequency" in shown and "half the sampling rate" not in shown
    assert "<strong>a</strong>" in notes and "half the sampling rate" in notes


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "{{gone}}",
            r"77_small.md, slide “One”: the lesson has no code cell `gone`. .* words, wave",
        ),
        (
            "{{silent}}",
            r"the stored cell `silent` shows 0 outputs.*git checkout notebooks/77_small.ipynb"
            ".*without your changes.*make render",
        ),
        ("{{wave 3}}", r"the stored cell `wave` shows 2 outputs, and 3"),
        ("{{code: gone}}", "no code cell `gone`"),
        ("{{ask: gone}}", r"teaching/quizzes/77_small.yaml has no question `gone`"),
        ("see {{wave}} here", r"a line with `\{\{` is not one of the forms"),
    ],
)
def test_what_a_lesson_lacks_is_named(small, line, said):
    with pytest.raises(slides.SlidesError, match=said):
        small(f"Notes:\nA.\n---\n## One\n\n{line}\n").html()


def test_a_deck_without_a_lesson_is_named(small):
    with pytest.raises(slides.SlidesError, match="78_none.md belongs to no lesson"):
        small("Notes:\nA.", "78_none")


def test_a_build_is_one_folder_and_a_failed_one_leaves_the_older(small, tmp_path, monkeypatch):
    deck = small("Notes:\nA.\n---\n## One\n\n{{wave}}\n\nNotes:\nB.")
    (tmp_path / "style.css").write_text("")
    monkeypatch.setattr(slides, "SOURCE", tmp_path)
    monkeypatch.setattr(slides, "SLIDES", tmp_path / "build" / "slides")
    monkeypatch.setattr(npm, "files", lambda *_: dict.fromkeys(slides.PARTS, b"x"))
    folder = slides.build()
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"index.html", "77_small.html", "style.css", *slides.PARTS.values()}
    assert 'href="77_small.html?print-pdf"' in (folder / "index.html").read_text(encoding="utf-8")

    deck.path.write_text("Notes:\nA.\n---\n{{gone}}", encoding="utf-8")
    with pytest.raises(SystemExit, match="no code cell `gone`"):
        slides.main()
    assert (folder / "77_small.html").exists()
