"""Whole programs as people write them, with changes of all kinds, compared with plain Python on all paths.

samples        programs of 20 to 80 lines: functions, and arguments for them
library        what changes put in: events under way, hostile values and classes
mutations      changes of a program's tree
programs       the program of a seed: a sample, changed: `write_program(seed)`
model          what a program is: the text of a module, and calls
comparison     runs a program in each way, and compares: `compare(program)`
runner         programs of many seeds in child processes: `python -m tests.support.whole_programs`
minimise       makes a program that shows a difference smaller
"""

from tests.support.whole_programs.comparison import Difference, LeftOut, Tally, compare
from tests.support.whole_programs.model import Call, Program
from tests.support.whole_programs.programs import write_program

__all__ = ["Call", "Difference", "LeftOut", "Program", "Tally", "compare", "write_program"]
