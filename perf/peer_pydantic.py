"""The one-node loop in pydantic-graph, which reads the annotations of a module's classes."""

import asyncio
from dataclasses import dataclass

from pydantic_graph import BaseNode, End, GraphBuilder, GraphRunContext, StepContext


@dataclass
class State:
    n: int


@dataclass
class Loop(BaseNode[State, None, int]):
    async def run(self, ctx: GraphRunContext[State]) -> "Loop | End[int]":
        if ctx.state.n <= 0:
            return End(ctx.state.n)
        ctx.state.n -= 1
        return Loop()


builder = GraphBuilder(state_type=State, output_type=int)


@builder.step
async def begin(ctx: StepContext[State, None, None]) -> Loop:
    return Loop()


builder.add(builder.node(Loop), builder.edge_from(builder.start_node).to(begin), builder.edge_from(begin).to(Loop))
GRAPH = builder.build()


def run(steps: int) -> int:
    return asyncio.run(GRAPH.run(state=State(steps)))
