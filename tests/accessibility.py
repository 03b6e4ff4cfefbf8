"""axe, the checker of accessible pages: fetched from npm, and run in a page that a browser shows."""

import pytest

from tools import npm

AXE = (
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)
RULES = "axe.run(document, {resultTypes: ['violations'], preload: false}).then(r => r.violations)"


def source():
    """The script of axe. A test is skipped where npm cannot fetch it."""
    try:
        return npm.files(*AXE, ["axe.min.js"])["axe.min.js"].decode()
    except RuntimeError as error:
        if "not the package that was checked" in str(error):
            raise
        pytest.skip(f"needs axe-core: {error}")


def violations(page, axe):
    """{rule: where it is broken} of the rules that axe calls serious or critical."""
    page.evaluate(axe)
    serious = [rule for rule in page.evaluate(RULES) if rule["impact"] in ("serious", "critical")]
    return {rule["id"]: [node["html"][:120] for node in rule["nodes"][:3]] for rule in serious}
