"""A Dask cluster on this machine, whose workers may be killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def client_of_two_workers(**options: Any) -> Iterator[Any]:
    """Yields a client of a cluster of two worker processes; takes options of `LocalCluster`."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", **options) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        cluster.adapt(minimum=2, maximum=2)  # there are new workers for those whose nannies give up
        yield client
