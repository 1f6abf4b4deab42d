"""The documents as a site: `python -m sphinx -W -b html docs build/site`."""

from __future__ import annotations

import cascade

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
