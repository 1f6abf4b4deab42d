"""How the extension gets kernels that no run asks for: of calls under policies, in threads and in workers, and those made block by block.

Not every program has a kernel, so the translators are imported for the first one.
"""

from __future__ import annotations

from types import FunctionType

from cascade._vm import BlockKernel, Routine, configure
from cascade.declare.task import Task
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.kernels.diagnostics import Diagnostic
    from cascade.kernels.on_demand import Lowered


class KernelsOfCalls:
    """Makes the kernels for calls that no `Machine` makes. A worker process gets this class, and with it imports this module."""

    @staticmethod
    def kernel(owner: Task[..., object], types: tuple[str, ...], in_map: bool = False) -> Lowered:
        from cascade.kernels.on_demand import kernel_or_none_of

        return kernel_or_none_of(owner, types, in_map)

    @staticmethod
    def state_machine_kernel(routine: Routine, types: tuple[str, ...], start: int) -> Lowered:
        from cascade.kernels.on_demand import state_machine_kernel_of

        return state_machine_kernel_of(routine, types, start)


def _block_kernel_of(function: FunctionType) -> BlockKernel | Diagnostic:
    from cascade.kernels.on_demand import block_kernel_of

    return block_kernel_of(function)


configure(block_kernel_of=_block_kernel_of, kernel_of_call=KernelsOfCalls)
