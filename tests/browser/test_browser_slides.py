"""A deck in Chromium, every host refused: it opens from disk, fits, prints, and is accessible."""

import accessibility
import pytest

from tools import chromium, slides

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
CHROMIUM = chromium.installed()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason=f"needs {chromium.NEED}"),
]
DECK = "04_ctc.html"
READY = "window.Reveal && Reveal.isReady()"
# The lower end of what stands on each slide, in the 720 pixels that a slide is high.
ENDS = """() => Reveal.getSlides().map((slide, k) => {
  Reveal.slide(k);
  const top = slide.getBoundingClientRect().top, shown = slide.querySelectorAll(':scope > *:not(aside)');
  const ends = [...shown].map(part => (part.getBoundingClientRect().bottom - top) / Reveal.getScale());
  return [slide.querySelector('h1, h2').textContent, Math.max(...ends)];
})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slides, "SLIDES", tmp_path_factory.mktemp("build") / "slides")
        try:
            return slides.build()
        except RuntimeError as error:
            pytest.skip(f"needs reveal.js: {error}")


@pytest.fixture(scope="module")
def browser():
    flags = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def opened(browser, folder):
    """opened(file, query) is the page; at the end nothing may have asked a host or failed."""
    trouble, contexts = [], []

    def visit(name, query=""):
        contexts.append(browser.new_context(offline=True, viewport={"width": 1280, "height": 720}))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        own = ("file:", "data:", "blob:", "about:")
        page.on("request", lambda r: r.url.startswith(own) or trouble.append(r.url))
        page.on("requestfailed", lambda r: trouble.append(r.url[:100]))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda line: line.type == "error" and trouble.append(line.text))
        page.goto((folder / name).as_uri() + query)
        if name != "index.html":
            page.wait_for_function(READY)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert trouble == []


def test_every_slide_of_every_deck_fits(opened, folder):
    for path in sorted(folder.glob("[0-9]*.html")):
        page = opened(path.name)
        assert [row for row in page.evaluate(ENDS) if row[1] > 720] == [], path.name
        page.close()


def test_a_slide_that_is_too_long_would_be_seen(opened):
    page = opened(DECK)
    page.evaluate("Reveal.getSlides()[3].querySelector('h2').style.paddingTop = '700px'")
    assert [row[1] > 720 for row in page.evaluate(ENDS)].count(True) == 1


def test_a_deck_prints_one_page_a_slide(opened):
    page = opened(DECK, "?print-pdf")
    page.wait_for_selector(".pdf-page")
    assert page.locator(".pdf-page").count() == page.evaluate("Reveal.getTotalSlides()")


def test_the_speakers_view_shows_the_notes(opened):
    page = opened(DECK)
    with page.expect_popup() as popup:
        page.keyboard.press("s")
    popup.value.wait_for_selector(".speaker-controls-notes .value :text('Paper and pencil')")


@pytest.mark.parametrize(("name", "query"), [("index.html", ""), (DECK, ""), (DECK, "?print-pdf")])
def test_the_list_and_a_deck_are_accessible(opened, name, query):
    """The form for print shows every slide at once."""
    axe = accessibility.source()
    page = opened(name, query)
    if query:
        page.wait_for_selector(".pdf-page")
    assert accessibility.violations(page, axe) == {}


def test_an_inaccessible_page_is_found(browser):
    axe = accessibility.source()
    page = browser.new_page()
    page.set_content('<html lang="en"><title>t</title><img src="data:,">')
    assert "image-alt" in accessibility.violations(page, axe)
    page.close()
