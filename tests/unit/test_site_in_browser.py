"""The site as a browser shows it, with every host refused. Run weekly.

It needs what the course does not: `make site`, Playwright with Chromium, and npm, which brings axe.
"""

import shutil
from pathlib import Path

import accessibility
import pytest

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "build" / "site"
pytestmark = pytest.mark.weekly
WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}


def html(folder):
    return [p for p in sorted(folder.rglob("*.html")) if "_static" not in p.parts]


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        installed = shutil.which("chromium")
        options = {"executable_path": installed} if installed else {}
        browser = playwright.chromium.launch(args=["--no-sandbox"], **options)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """visit(path, **context) opens a page from disk; gives it, and what went wrong is collected."""
    contexts, wrong = [], []

    def open_page(path, query="", **options):
        context = chromium.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        local = ("file:", "data:", "blob:", "about:")
        page.on("request", lambda r: None if r.url.startswith(local) else wrong.append(r.url))
        page.goto(path.as_uri() + query)
        page.wait_for_timeout(300)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(scope="module")
def axe():
    return accessibility.source()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_asks_another_host_and_all_are_accessible(visit, axe, scheme):
    assert len(html(SITE)) > 30, "run `make site` first"
    broken, page = {}, visit(SITE / "index.html", color_scheme=scheme)
    for path in html(SITE):
        page.goto(path.as_uri())
        if found := accessibility.violations(page, axe):
            broken[path.relative_to(SITE).as_posix()] = found
    assert broken == {}


def test_an_inaccessible_page_is_found(visit, axe, tmp_path):
    (tmp_path / "a.html").write_text('<html lang="en"><title>t</title><img src="data:,">')
    assert "image-alt" in accessibility.violations(visit(tmp_path / "a.html"), axe)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_window(visit, width):
    size = dict(zip(("width", "height"), WIDTHS[width]))
    page = visit(SITE / "index.html", viewport=size)
    for path in html(SITE):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path


def test_the_search_finds_pages_from_disk(visit):
    page = visit(SITE / "search.html", "?q=spectrogram")
    page.wait_for_function("document.querySelectorAll('#search-results li').length > 3")
    assert "01 · Explore" in page.locator("#search-results").inner_text()


def test_the_keyboard_reaches_the_content(visit):
    page = visit(SITE / "index.html")
    page.keyboard.press("Tab")
    assert "main content" in page.evaluate("document.activeElement.textContent").lower()
