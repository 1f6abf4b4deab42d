# Memory layout of the extension's types.

from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

ctypedef PyObject* (*Entry)(PyObject*, PyObject**, size_t, PyObject*) noexcept

cdef struct Word:                       # the format is drawn in cascade/instructions/graph.py
    int32_t opcode
    int32_t a
    int32_t b
    int32_t c


cdef extern from "vm/kernel.h":
    ctypedef union Register "cascade_register":
        int64_t i
        double d
        void* object

    ctypedef struct Pages "cascade_pages":
        Pages* before
        unsigned char* bytes
        int32_t used, forms, count
        int32_t* offsets
    ctypedef struct TypedWord "cascade_word":
        void* run                       # a handler
        int32_t a, b, c, d, e, f

    ctypedef struct TypedCall "cascade_call":
        const TypedWord* word

    ctypedef struct Watch "cascade_watch":
        PyObject* dict
        uint64_t version

    ctypedef struct NameEntry "cascade_name":
        PyObject* dict
        PyObject* name
        PyObject* expected

    ctypedef struct NameTable "cascade_names":
        NameEntry* items
        Py_ssize_t count

    ctypedef struct Source "cascade_source":
        int32_t where
        int32_t kind
        int32_t parameter

    ctypedef struct Stopwatch "cascade_stopwatch":
        int64_t count

    ctypedef struct BlockEntry "cascade_typed_entry":
        PyTypeObject** types
        int64_t word

    ctypedef struct Callee "cascade_callee":
        void* kernel
        PyObject* code
        TypedWord* words
        const int32_t* exit_of
        const Register* image
        int32_t register_count, parameter_count, first_free, free_count
        Watch* watched
        const NameTable* named
        Gather** gathers
        TypedState* spare
        int32_t** owned
        int64_t owned_room
        BlockEntry* by_type
        int64_t entry_count
        int64_t entries, exit_count, work, growths, called_out
        int64_t machine_at, machine_growths
        bint stale, retired, exits_often
        uint32_t compared
        Stopwatch watch

    ctypedef struct Site "cascade_site":
        Callee* callee
        PyObject* code
        uint8_t unboxes
        const TypedWord* begins_at
        PyObject* known
        PyObject* defaults
        int32_t function, target
        uint8_t is_operator, is_made_into, releases

    ctypedef struct Passed "cascade_passed":
        PyTypeObject* seen

    ctypedef struct Gather "cascade_gather":
        PyObject* function
        int32_t count
        int32_t results
        Stopwatch watch
        Source* sources
        int32_t* targets
        Site* site
        int32_t renewals
        bint was_hot
        int32_t place
        int32_t operand, is_callable, finish
        PyObject* sign
        int32_t missing
        int32_t* missing_parameters
        PyTypeObject** missing_types
        Register* missing_values
        char* missing_kinds
        PyObject* iterated
        PyObject* iterator
        int32_t iterator_source, iterator_target, iterator_owned
        int joins

    ctypedef struct TypedState "cascade_state":
        const TypedWord* word
        Register* registers
        int64_t fuel
        int64_t steps
        int64_t limit
        int64_t deferred
        int64_t origin
        int64_t depth
        int64_t depth_limit
        int64_t depth_room
        TypedCall* calls
        Register* end
        Watch* watched
        const NameTable* named
        Gather** gathers
        TypedState* parent
        const Site* site
        PyObject* function
        PyObject* kept
        int64_t frames
        bint is_free
        int outcome
        Callee* callee
        TypedState* root
        TypedState* current
        void* thread
        int64_t began


cdef struct GuardEntry:                 # see Guard in cascade/kernels/model.py
    int kind
    PyObject* holder
    PyObject* name
    PyObject* expected
    uint64_t version                    # of a dict, when the guard held


cdef enum:
    CALL_OUT_ROOM = 16                  # values that a function gets that typed code calls


cdef struct CallOut:                   # see cascade/kernels/model.py
    PyObject* function                  # NULL where the object is another one
    Py_ssize_t count                   # of the values, each of a type
    char types[CALL_OUT_ROOM]
    Py_ssize_t argument_count          # some arguments are tuples of several values
    Py_ssize_t groups[CALL_OUT_ROOM]   # how many; -1 where an argument is one value
    bint groups_values                 # whether there is such a tuple
    Py_ssize_t named                   # how many of the arguments are given by keyword
    PyObject* names                    # a tuple of their names, or NULL
    char result
    bint measures                       # it is `length`, which is not called


cdef enum:
    TRIAL_SAMPLES = 16                  # of each way, in a round


cdef struct Trial:                      # of a kernel against CPython, see vm/kernel_trial.pxi
    bint on
    int64_t at                          # how many doubts begin the next one
    int rounds                          # that the typed code has lost, in a row
    int chosen                          # calls of this round
    int counts[2]
    double seconds[2][TRIAL_SAMPLES]
    double total                        # of all samples of the round
    double typical[2]                   # seconds a call took, in the last round


cdef struct MapTrial:
    int64_t exits                       # since the last round
    int rounds                          # that the typed code has lost, in a row
    int64_t items[2]
    double seconds[2]
    double typical[2]                   # seconds an item took, in the last round


ctypedef struct Typed:                  # the state of typed code in a frame
    TypedState state
    double begun                        # when its call was begun, where it is a sample of a trial of the kernel `on_trial`
    Register* memory                    # for the registers; those of the task's body stand first
    Py_ssize_t room
    Typed* following                    # the next one that waits to be used again


cdef class TailCall:
    cdef tuple arguments
    cdef dict keywords                  # None when there are none
    cdef readonly object target
    cdef bint made                      # it has its arguments, which stay


cdef class Routine:
    # How to call it.
    cdef Entry entry
    cdef PyObject* callee               # borrowed: the function, or this routine where `entry` is our own
    cdef Py_ssize_t positional          # leading slots passed by position
    cdef PyObject* keyword_names        # borrowed from `keywords`, or NULL
    # Its description.
    cdef readonly object owner
    cdef readonly object operation      # the operand of the context's `call`: the owner, or the owner with policies
    cdef readonly object function
    cdef readonly str name
    cdef readonly tuple parameters      # names, one a slot
    cdef readonly Py_ssize_t positional_only
    cdef readonly tuple keywords        # names of keyword-only slots
    cdef readonly bint varargs
    cdef readonly bint varkwargs
    cdef tuple gathered                 # the slots of `*args` and `**kwargs`
    cdef bint simple                    # every parameter can be bound by position
    cdef bint in_order                  # the slots are the variables of the parameters, in their order
    cdef bint may_skip                  # its result may be a Skipped
    cdef bint chooses_route             # it is a Router, without conditions
    cdef bint is_state_machine
    cdef tuple state_operands           # of a state machine, (offset, width) for each state
    cdef object bind
    # Its own frame, for tail calls.
    cdef Code loop
    # Its lowering: the one record of it.
    cdef public int lowering            # when: NEVER, WHEN_HOT, AT_ONCE, MUST
    cdef readonly int map_lowering      # the same for maps, which gain by it also where there is no loop
    cdef readonly int call_lowering     # the same for calls that the VM does not make
    cdef object caller                  # makes such calls; None before the first one
    cdef readonly list kernels
    cdef int misses                     # calls in a row for which there was no kernel
    cdef int pause                      # so many more calls are made without looking for one
    cdef readonly list diagnostics      # (types, diagnostics) where there is none
    cdef set seen                       # types for which one was made or refused
    cdef readonly int made              # how many kernels it was tried to make
    cdef readonly int outdated          # how many kernels were given up, as names have another meaning
    cdef int calls
    # Its kernel that is made block by block: the function is called by it, wherever the VM calls the function.
    cdef Entry plain_entry              # how to call the function itself
    cdef PyObject* plain_callee
    cdef readonly object block_kernel   # None where there is none
    cdef readonly object block_refusal  # why there is none, or None
    cdef readonly bint may_have_blocks
    cdef PyObject* bound                # of a bound method, the first argument of the function that it calls, which the method holds
    cdef int block_calls                # until it is made
    cdef int blocks_made

    cdef bint has_slots_of_function(self) except -1
    cdef bint has_slots_of(self, code) except -1
    cdef Py_ssize_t find(self, PyObject* name) noexcept


cdef class Code:
    cdef const Word* words
    cdef const int32_t* operands
    cdef const int32_t* nodes
    cdef PyObject** constants
    cdef Py_ssize_t inputs
    cdef Py_ssize_t slots
    cdef Py_ssize_t widest              # longest argument list
    cdef bint selects                   # the code of a state machine
    cdef list states                    # the word that calls each of its states
    cdef Routine state_machine                # its routine, which has its kernels
    cdef readonly object blueprint
    cdef tuple held                     # the objects that the pointers above point into
    cdef Frame pool                     # free frames, linked by `parent`
    cdef int pooled

    cdef Py_ssize_t longest_list(self, Py_ssize_t count)
    cdef Frame frame(self)


cdef class Frame:
    cdef Code code
    cdef PyObject** values              # the slots, then room for the longest argument list
    cdef Py_ssize_t size                # of the slots
    cdef Py_ssize_t pc
    cdef int outstanding                # slots of this frame that hold a Pending
    cdef int64_t iteration
    cdef uint64_t made                  # the number of results when its step began
    cdef double next_progress           # the time of the next progress event of the loop
    # The destination of the result: `promise`, else into slot `destination` of `parent`, else it is the run's.
    cdef Frame parent
    cdef int32_t destination
    cdef Pending promise
    cdef bint may_skip                  # the result may be a Skipped
    cdef bint inner                     # continues with a state of a state machine: no event says that it ends
    # Names for people: the frame's number, and the node that a tail-calling frame stands for.
    cdef int64_t serial
    cdef int32_t node
    cdef object origin
    # Its typed code.
    cdef Kernel kernel
    cdef Typed* typed
    cdef int64_t next_typed             # the iteration of the next search for a kernel


cdef class Kernel:
    cdef TypedWord* words
    cdef Py_ssize_t length
    cdef Py_ssize_t count               # of parameters
    cdef Py_ssize_t register_count
    cdef Register* image                # of the registers at the entry: the constants
    cdef int32_t* opcodes               # of each word
    cdef Py_ssize_t first_constant, constant_count
    cdef Pages* pages                   # its machine code, or NULL
    cdef int64_t machine_at             # the work after which it is made
    cdef const char* types              # of the parameters: b"i", b"d", b"b", b"n", b"o"
    cdef bytes types_held
    cdef tuple objects
    cdef list exit_plans                # one for each exit, made when it is first taken
    cdef object caller                  # calls its argument, as a profiler has to see it; made for the first call
    cdef GuardEntry* guards
    cdef Py_ssize_t guard_count
    cdef CallOut* call_outs             # by the index in `objects`
    cdef int64_t long_fuel
    cdef bint counts                    # it makes steps: tail calls
    cdef dict checkpoints               # by word: see vm/checkpoint.pxi
    cdef int64_t* exits_at              # exits by word
    cdef int64_t exit_count
    cdef bint defers
    cdef bint hands_on                  # objects among the arguments may hold no deferred values
    cdef readonly object code
    cdef readonly Py_ssize_t start      # the state of a state machine that it begins with
    cdef bytes key
    cdef readonly int64_t entries
    cdef readonly int64_t steps
    cdef readonly int64_t work
    cdef double gain                    # seconds that a back edge gains over CPython, estimated
    cdef double lost                    # seconds that exits have cost
    cdef readonly bint retired
    cdef readonly bint slower           # it was retired because a trial has shown that it takes longer
    cdef readonly bint retired_in_maps
    cdef int64_t doubts                 # exits, and runs that have called out
    cdef Trial trial
    cdef MapTrial map_trial

    cdef int prepare(self, Py_ssize_t number, int opcode) except -1
    cdef int know_constants(self) except -1
    cdef int take_guards(self, tuple guards) except -1
    cdef int take_call_outs(self) except -1
    cdef double gain_of_back_edge(self) noexcept
    cdef bint guards_hold(self) except -1
    cdef object call_profiled(self, run)


cdef class Jump:
    cdef readonly object target_key
    cdef readonly object data           # NOT_GIVEN where none was given
    cdef bint made


cdef class Routes:
    cdef readonly object targets        # a tuple of (key, word, slot), or None
    cdef readonly Py_ssize_t end
    cdef dict numbers
    cdef Py_ssize_t* destinations       # pairs of word and slot


cdef class RouteTemplate:
    cdef readonly Code code
    cdef list inputs                    # the constant ones
    cdef list holes                     # (input, value) for the others
    cdef Py_ssize_t count

    cpdef list fill(self, list values, Py_ssize_t first)


cdef class CompiledRoutes:
    cdef dict by_key                    # the route for each key
    cdef dict templates                 # by route, its RouteTemplate where it is compiled
    cdef bint made                      # it has its dicts, which stay


cdef class Skipped:
    cdef readonly str task_id
    cdef readonly str reason


cdef class Pending:
    cdef Frame frame
    cdef Py_ssize_t pc                  # of the parked or awaited instruction; -1 for a frame's promise
    cdef int32_t destination
    cdef list values                    # operands; a Pending for one that is not there yet
    cdef Py_ssize_t missing
    cdef int64_t awaited_by             # the number of the machine that awaits a call for it
    cdef uint64_t made                  # the number of results before that call; SEARCHED if its value has been searched
    cdef bint over                      # its value is there, or is not needed any more
    cdef list waiters                   # (Pending, position) pairs, and Frames that wait to return it


cdef class Machine:
    cdef Frame current
    cdef object ready                   # parked instructions and frames that can continue, in order
    cdef object context
    cdef object task_group
    cdef Kernel on_trial                # whose call was timed last
    cdef Typed* spare                   # for typed code that ends before it needs a frame
    cdef list unspawned                 # (Pending, awaitable) from before there was a task group
    cdef object value
    cdef readonly object error
    # Fuel: task calls until the slow path.
    cdef Py_ssize_t fuel
    cdef Py_ssize_t batch
    cdef Py_ssize_t pace
    cdef int64_t taken                  # steps before the current batch
    cdef int64_t max_steps
    cdef int64_t stop_step              # before this call the run is to be saved
    cdef int64_t serials
    cdef double refilled
    cdef double deadline
    cdef double slice_seconds
    cdef double slice_end
    cdef bint observed
    cdef bint calls_by_context                   # every call goes through the context
    cdef bint running
    cdef bint completing                   # a result that was awaited is being taken in
    cdef int64_t number                 # its own in the process; -1 when it was closed
    cdef bint checked                    # in this call of run

    cdef void begin(self, double slice_seconds) noexcept
    cdef int proceed(self, int status) noexcept
    cdef int refuse_if_busy(self) except -1
    cdef int check_awaited(self, Pending entry) except -1
    cdef Frame enter(self, Code code, object inputs)
    cdef void switch_to(self, Frame frame) noexcept
    cdef void spend(self) noexcept
    cdef int return_from(self, Frame frame, PyObject* value) noexcept
    cdef int refuse_value(self) noexcept
    cdef int fail_skipped(self, Frame frame, PyObject* value) noexcept
    cdef int resolve(self, Pending entry, object value) except -1
    cdef int make_ready(self, object item) except -1
    cdef int next_ready(self) noexcept
    cdef int execute(self) noexcept
    cdef bint operands_hold(self, Frame frame, Py_ssize_t pc) noexcept
    cdef int take_special_result(self, Frame frame, PyObject* result, PyObject** arguments, Py_ssize_t count, uint64_t made) noexcept


cdef class DirectCall:
    cdef void* vectorcall
    cdef Code code                      # None where every call is made by `__call__`
    cdef Routine routine                # of the task that is all of the code, or None
    cdef object context
    cdef object inputs                  # None where there are arguments
    cdef object bind
    cdef Py_ssize_t positional          # arguments that need no binding; -1 for none
    cdef tuple gathered
    cdef double slice_seconds
