"""In place of the extension module where that has not been built: says what to do."""

import os

raise ModuleNotFoundError(
    f"cascade's extension module (cascade._vm) is not built in {os.path.dirname(os.path.abspath(__file__))}, which is the folder of a "
    "checkout and hides the package that pip has installed. Build it there (pip install -e .), or start Python in another folder",
    name="cascade._vm",
)
