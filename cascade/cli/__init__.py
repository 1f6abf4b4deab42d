"""The command line: `cascade run MODULE:TARGET --name value`, and the other commands on a target.

It is built on argparse: the options of a target are known only when its module has been imported, argparse builds
parsers at run time as well as any other, and it needs no installation.

The parameters of a target become options. For a task, these are its parameters, with the types of their annotations;
for a LazyResult, its `Param`s.
"""

from cascade.cli.commands import main as main
from cascade.cli.commands import script as script
from cascade.cli.running import Cli as Cli
from cascade.cli.running import create_cli as create_cli
