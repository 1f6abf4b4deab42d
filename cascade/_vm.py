"""A placeholder for the extension module where it is not built: its import explains how to build it."""

import os

raise ModuleNotFoundError(
    f"cascade's extension module (cascade._vm) is not built in {os.path.dirname(os.path.abspath(__file__))}, which is the folder of a "
    "checkout and hides the package that pip has installed. Build it there (pip install -e .), or start Python in another folder",
    name="cascade._vm",
)
