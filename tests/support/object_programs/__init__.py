"""Random programs with lists, dicts, arrays, text, objects and effects in them, and how they are compared with plain Python.

model          what a program is: the text of a module, and calls of its functions
grammar        tables of forms with holes
expressions    the forms of expressions, by kinds,
statements     and of statements
values         friendly and hostile values of each kind
library        classes and helper functions, of which programs get those that they name
corners        more of all of these (and corner_library), for programs with seeds from a million on,
dialects       and what programs of a seed are made of
writer         fills forms in: writes expressions and statements,
programs       and whole programs: `write_program(seed)`
descriptions   describes values, exceptions and modules, without running any code of theirs
comparison     runs a program as plain Python and as tasks: `compare(program)`
minimise       makes a program that shows a difference smaller
runner         compares programs of many seeds in child processes: `python -m tests.support.object_programs`
"""

from tests.support.object_programs.comparison import Difference, Tally, Tasks, compare
from tests.support.object_programs.model import Call, Program
from tests.support.object_programs.programs import write_program

__all__ = ["Call", "Difference", "Program", "Tally", "Tasks", "compare", "write_program"]
