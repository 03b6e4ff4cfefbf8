"""Sphinx's settings. tools/site.py copies the pages beside this file, then runs Sphinx on the copy."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Speech recognition, hands on"
author = "the asr-course contributors"
copyright = "the asr-course contributors"  # noqa: A001, the name that Sphinx reads
html_title = project
language = "en"

extensions = ["myst_nb", "autoapi.extension", "sphinx.ext.napoleon", "sphinx_copybutton", "mathml"]
exclude_patterns = ["**/.ipynb_checkpoints", "_api_templates"]

# The notebooks are stored with their outputs; nothing is run to make the site.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # would be loaded from another host
nb_render_markdown_format = "myst"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
myst_heading_anchors = 4
# Docstrings are written for people and are not all strict reStructuredText; the pages themselves are
# MyST, whose warnings have names of their own and stop the build.
suppress_warnings = ["autoapi.python_import_resolution", "docutils", "mystnb.unknown_mime_type"]

# The API pages come from the docstrings, read and not imported: no torch is needed to build a site.
autoapi_dirs = ["asr_helpers"]
autoapi_root = "api"
autoapi_type = "python"
autoapi_options = ["members", "show-module-summary"]
autoapi_add_toctree_entry = False
autoapi_keep_files = False
autoapi_python_class_content = "both"
autodoc_typehints = "signature"

html_math_renderer = "mathml"
html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_copy_source = False
html_show_sourcelink = False
# The excerpts of the search results are fetched page by page, which a browser refuses from disk.
html_show_search_summary = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_persistent": [],  # the sidebar has the search already
    "navigation_with_keys": False,  # the arrow keys scroll
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
if os.environ.get("SITE_ADDRESS"):
    html_theme_options["repository_url"] = os.environ["SITE_ADDRESS"]
    html_theme_options["use_repository_button"] = True
