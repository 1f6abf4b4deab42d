# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, auto_pickle=False, binding=False
"""The virtual machine: runs verified blueprints.

It knows instructions, frames and errors, and nothing of graphs or engines. Two objects do the rest: the *context*
(compiles a deferred value, finds a tail call's target, makes calls with policies, publishes events; its methods are those of
`Context` in _vm.pyi) and the *task group* (awaits awaitables; there is none before an event loop runs).

A `Machine` is one run. `run()` continues until the run is DONE or FAILED, has to PAUSE to yield to an event loop, or has to
WAIT because nothing can continue before an awaitable is done. There are two paths through the
instructions: the fast path (`Machine.execute`) while there is fuel, and the slow path (`refuel`, `step`), which reads
the clock, checks limits and signals, and executes one instruction at a time while something is awaited or observed.

Awaiting works like a scoreboard: an instruction whose operand is not there yet is parked with the operands it has, its
destination slot gets a `Pending`, and the run continues with the next instruction.
"""
# Python code can hold any object of this module, and call any method of it at any time: out of `__hash__`, out of a method of
# the context, from another thread. None of that may crash the process, so:
# - objects are complete after `__cinit__`, and do not change; calling `__init__` again does nothing, or is refused;
# - methods are not bound as functions (`binding`), which would take any object for `self`, and no class is pickled field by field;
# - data that the VM reads while code of users can run is a copy of its own, or is read again.

cimport cython
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_New, PyList_SET_ITEM
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport INT32_MAX, INT64_MAX, UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport getenv
from libc.string cimport memcmp, memcpy, memset, strcmp
from cascade._opcodes cimport (
    CALL, CALL_POLICIES, CALL_ONE, CALL_KERNEL, DICT, EITHER, LIST, LOOP, LOOP_POLICIES, OPCODE_COUNT, REBUILD, RETURN, SELECT, SET, TUPLE,
    KERNEL_OPCODE_COUNT, KERNEL_CALL, KERNEL_LOAD_OBJECT, KERNEL_CALL_OUT_NUMBER, KERNEL_RETURN_BOOL, KERNEL_RETURN_FLOAT, KERNEL_RETURN_INT,
    KERNEL_CALL_PYTHON, KERNEL_ITER_NEXT, KERNEL_JUMP, KERNEL_RETURN_OWNED, KERNEL_STUB, KERNEL_RELEASE, KERNEL_CALL_FUNCTION,
    KERNEL_UNBOX_BOOL, KERNEL_UNBOX_FLOAT, KERNEL_UNBOX_INT,
    KERNEL_RETURN_OBJECT, KERNEL_RETURN_SCALAR,
)

from collections import deque
from functools import partial
from itertools import chain
from operator import itemgetter
import sys
from sys import modules
from cascade.instructions.blueprint import Blueprint

from cascade.errors import CascadeError, DeclarationError, DependencyMissingError, InternalError, StepLimitError
from cascade.instructions.graph import INSTRUCTIONS

include "vm/capi.pxi"
include "vm/self_test.pxi"
include "vm/configuration.pxi"
include "vm/control.pxi"
include "vm/search.pxi"
include "vm/search_classes.pxi"
include "vm/routine.pxi"
include "vm/frame.pxi"
include "vm/kernel.pxi"
include "vm/machine_code.pxi"
include "vm/kernel_find.pxi"
include "vm/kernel_values.pxi"
include "vm/kernel_trial.pxi"
include "vm/kernel_run.pxi"
include "vm/kernel_exit.pxi"
include "vm/kernel_entry.pxi"
include "vm/attributes.pxi"
include "vm/stopwatch.pxi"
include "vm/block_kernel.pxi"
include "vm/block_exit.pxi"
include "vm/checkpoint.pxi"
include "vm/block_run.pxi"
include "vm/arrays.pxi"
include "vm/block_trial.pxi"
include "vm/block_calls.pxi"
include "vm/routine_call.pxi"
include "vm/library.pxi"
include "vm/map_shares.pxi"
include "vm/map_results.pxi"
include "vm/packing.pxi"
include "vm/map.pxi"
include "vm/map_arrays.pxi"
include "vm/machine.pxi"
include "vm/slow_path.pxi"
include "vm/naming.pxi"
include "vm/states.pxi"
include "vm/continuation.pxi"
include "vm/nesting.pxi"
include "vm/snapshot.pxi"
include "vm/instances.pxi"
include "vm/entry.pxi"
include "vm/direct.pxi"

cascade_tail_call = <PyTypeObject*>TailCall
cascade_pending = <PyTypeObject*>Pending
cascade_skipped = <PyTypeObject*>Skipped
cascade_jump = <PyTypeObject*>Jump
cascade_construct_by(<PyTypeObject*>Jump, <void*>construct_jump)
cascade_construct_by(<PyTypeObject*>TailCall, <void*>construct_tail_call)
cascade_frame_traverse_fields = (<CollectorSlots*>Frame).tp_traverse
cascade_frame_clear_fields = (<CollectorSlots*>Frame).tp_clear
(<CollectorSlots*>Frame).tp_traverse = traverse_frame
(<CollectorSlots*>Frame).tp_clear = clear_frame
