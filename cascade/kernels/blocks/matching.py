"""Forms of the instructions of `match`: whether a subject is a sequence or a mapping, and its length."""

from __future__ import annotations

from cascade.kernels.blocks.c_calls import class_of
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.sequences import KINDS
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import BUILT_IN, DISPLAY, Value
from cascade.kernels.model import BOOL, INT

PATTERNS = {"MATCH_SEQUENCE": 1 << 5, "MATCH_MAPPING": 1 << 6}
"""The flags of classes that match (Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING)."""


@form("MATCH_SEQUENCE", "MATCH_MAPPING")
def match_class(translator: Translator, instruction: Instruction) -> None:
    subject = translator.state.stack[-1]
    cls = tuple if subject.kind == DISPLAY else class_of(translator.seen(-1))
    if cls is not None and cls in BUILT_IN:
        translator.push(Value(BOOL, known=bool(cls.__flags__ & PATTERNS[instruction.name])))
    else:
        call_out(translator, instruction)


@form("GET_LEN")
def get_len(translator: Translator, instruction: Instruction) -> None:
    subject = translator.state.stack[-1]
    if subject.kind == DISPLAY:
        translator.push(Value(INT, known=len(subject.parts)))
    elif class_of(translator.seen(-1)) in KINDS:
        translator.push(translator.computed(INT, "SIZE", subject))
    else:
        call_out(translator, instruction)
