"""The inputs of a run: filled in before a graph runs, and noted when graphs take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cascade.declare.inputs import Input
from cascade.errors import TargetError
from cascade.events.silent import SILENT, SilentPublisher
from cascade.graph.inputs import Inputs
from cascade.imports import TYPE_CHECKING
from cascade.runtime.inputs import InputValues
from cascade.runtime.resources.registry import ResourceContainer

if TYPE_CHECKING:
    from cascade.declare.resources import Injection
    from cascade.runtime.resources.run import RunResources
    from cascade.runtime.taken import RunStates, Taken


class RunInputs:
    """The inputs of one run: its parameters, variables of the environment, and resources.

    Args:
        params: the values of the target's parameters.
        container: the resources that are known by name.
        publisher: publishes the set-ups and tear-downs of resources.
        shared: whether several runs share this; then none of them can have inputs or resources.

    Attributes:
        values: of the inputs, once the first graph with inputs has come.
        resources: those of the run, once the first graph with resources has come.
        taken: notes on the inputs that graphs of this run take, once a cache needs them.
    """

    __slots__ = ("_container", "_params", "_publisher", "_shared", "resources", "taken", "values")

    def __init__(
        self,
        params: Mapping[str, object] | None = None,
        container: ResourceContainer | None = None,
        publisher: SilentPublisher = SILENT,
        *,
        shared: bool = False,
    ) -> None:
        self._params = params
        self._container = container
        self._publisher = publisher
        self._shared = shared
        self.values: InputValues | None = None
        self.resources: RunResources | None = None
        self.taken: Taken | None = None

    @property
    def takes_placeholders(self) -> bool:
        """Whether a task got a resource of scope "task" in this run, so that arguments may hold its placeholder."""
        return self.resources is not None and self.resources.per_task

    def fill(self, inputs: Sequence[object]) -> Sequence[object]:
        """Returns the inputs of a graph, complete. The first graph is the run's target, whose inputs are checked all at once."""
        if isinstance(inputs, Inputs) and inputs.tables:
            inputs = inputs.for_one_run()
        if type(inputs) is not Inputs and (self._params is None or self.values is not None):
            return inputs
        if self._shared:
            raise TargetError(
                "a task of this program answered with a graph that takes inputs or resources",
                expected="inputs and resources that the compiled target takes as well",
                hint="run it with cascade.run(...), or pass what is needed as an argument",
            )
        first = self.values is None
        if self.values is None:
            self.values = InputValues(self._params)
        declared = self._declared(inputs, self.values) if isinstance(inputs, Inputs) else []
        if first:
            self.values.check(declared)
        return self.values.fill(inputs) if isinstance(inputs, Inputs) else inputs

    def _declared(self, inputs: Inputs, values: InputValues) -> list[Input]:
        """The inputs of a graph and of the resources that it names, which are found and checked."""
        declared = inputs.all_declared()
        taken: list[Input | Injection] = [*declared, *inputs.injections]
        if inputs.injections:
            if self.resources is None:
                from cascade.runtime.resources.run import RunResources

                container = self._container or ResourceContainer()
                self.resources = RunResources(container, values.value, self._publisher.publish_resource)
            declared += self.resources.check(inputs.injections, inputs.values)
        if self.taken is not None:
            from cascade.runtime.taken import note_all

            note_all(taken, self.taken, self._states(values))
        return declared

    def note_taken(self) -> Taken | None:
        """Starts to note the inputs that graphs take, for a cache; None where they cannot take anything."""
        if self.taken is None and not self._shared:
            from cascade.runtime.taken import Taken

            self.taken = Taken()
        return self.taken

    def states(self) -> RunStates:
        """Returns the states of this run's inputs and resources, as parts of keys."""
        if self.values is None:  # no graph with inputs has come, and there are no parameters
            self.values = InputValues(self._params)
        return self._states(self.values)

    def _states(self, values: InputValues) -> RunStates:
        from cascade.runtime.resources.resolver import ResourceResolver
        from cascade.runtime.taken import RunStates

        if self.resources is not None:
            return RunStates(values, self.resources.resolver)
        return RunStates(values, ResourceResolver(self._container or ResourceContainer(), values.value))
