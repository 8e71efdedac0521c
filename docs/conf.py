"""The site: `python -m sphinx -W -b html docs OUT`, or `python start.py site`.

Nothing is executed and nothing comes from the network. `pages.py` makes a page of each notebook, of the
glossary and of each room of the library; which lessons there are it asks `lessons_lib/lessons.toml`.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent)]

import pages  # noqa: E402  (finds its neighbours by the line above)

from lessons_lib import helping  # noqa: E402

# Without it there are no links to the repository and no "Open in ..." buttons.
repository = helping.repository()

project = "DeepSeek on a Laptop"
copyright = "the authors, MIT licence"
html_title = project
html_theme = "furo"
html_static_path = ["_static", "figures"]
html_css_files, html_js_files = ["site.css"], ["site.js"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": [], "source_repository": ""}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
templates_path: list[str] = []

extensions = ["myst_nb", "sphinx.ext.autodoc", "mathml", "code_links"]
html_math_renderer = "mathml"
myst_enable_extensions = ["dollarmath", "amsmath", "substitution"]
myst_dmath_double_inline = True  # a formula on lines of its own within a paragraph
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # the static picture of a widget stands beside it
nb_code_prompt_show = nb_code_prompt_hide = "{type}"
nb_mime_priority_overrides = [("html", "text/html", 0)]

# Docstrings are plain text. A word in backquotes is a link if the library has such a name, else code.
default_role = "py:obj"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
add_module_names = False
python_use_unqualified_type_names = True

myst_substitutions = pages.write(HERE, repository)


def setup(app):
    app.connect("autodoc-process-docstring", pages.docstring_as_rest)
    app.connect("source-read", pages.written_for_both(repository))
