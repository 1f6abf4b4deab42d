"""Random programs of the subset that is lowered, and how they are compared with plain Python.

    model         what a program is: its text, and a script of calls and of changes between them
    expressions   a grammar writes expressions
    statements    and these go into statements, tail calls among them,
    programs      which go into functions and tasks: `write_program(seed)`
    scripts       what is done with a program
    worlds        a program's module, and plain Python's `task` and `TailCall`
    outcomes      what came out of a call
    comparison    runs a program in all ways: `compare(program)`
    minimise      makes a program that shows a difference smaller

The same seed gives the same program. `tools/fuzz.py` compares them for hours.
"""

from tests.support.random_programs.comparison import Difference, Tally, compare
from tests.support.random_programs.model import Call, Change, Object, Program
from tests.support.random_programs.outcomes import exact
from tests.support.random_programs.programs import write_program

__all__ = ["Call", "Change", "Difference", "Object", "Program", "Tally", "compare", "exact", "write_program"]
