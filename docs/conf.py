"""The documents as a site: `python -m sphinx -W -b html docs build/site`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import cascade

# The pages about errors and codes are files of the package, so that `cascade explain` prints them. The site has copies.
MESSAGES = Path(__file__).parent / "messages"
MESSAGES.mkdir(exist_ok=True)
for page in (Path(cascade.__file__).parent / "messages").glob("*.md"):
    shutil.copyfile(page, MESSAGES / page.name)

project = "Cascade"
author = "The Cascade developers"
copyright = author
version = release = cascade.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"Cascade {release}"
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
add_module_names = False
napoleon_use_ivar = True
default_role = "code"  # docstrings have code between single backticks, as Markdown does

# Every link inside of the site has to lead somewhere. Types in signatures are no links: most are from other libraries.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]


def use_copies(app: Any, name: str, source: list[str]) -> None:  # noqa: ANN401  # of sphinx
    """Has links between the documents and the pages of the package lead to the copies."""
    if name.startswith(f"{MESSAGES.name}/"):
        # They are linked from the pages of errors and of lowering. In the tree of contents they would hide all else.
        source[0] = f"---\norphan: true\n---\n{source[0]}"
    source[0] = re.sub(r"\.\./cascade/messages/", "messages/", source[0].replace("](../../docs/", "](../"))


def setup(app: Any) -> None:  # noqa: ANN401
    app.connect("source-read", use_copies)
