"""The execution of nodes that are more than a call of a function: policies, maps and Routers."""
