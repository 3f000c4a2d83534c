"""Ray on this machine, for tests: begun again where a busy machine needs more than its own 30 s."""

from typing import Any

STARTS = 3


def start_ray(**options: Any) -> None:
    """Connect this process to a Ray of its own; `ray.shutdown` ends it.

    Args:
        **options: of `ray.init`.
    """
    import ray

    for start in range(1, STARTS + 1):
        try:
            ray.init(address="local", include_dashboard=False, log_to_driver=False, **options)
            return
        except Exception as error:
            if type(error) is not Exception or start == STARTS:  # what Ray raises after its 30 s
                raise
            ray.shutdown()


def start_cluster(head: dict[str, Any], *others: dict[str, Any]) -> Any:
    """A cluster of nodes with these arguments each; its `shutdown` ends it."""
    from ray.cluster_utils import Cluster

    for start in range(1, STARTS + 1):
        cluster = None
        try:
            cluster = Cluster(
                initialize_head=True, head_node_args={"include_dashboard": False, **head}
            )
            for node in others:
                cluster.add_node(**node)
            return cluster
        except Exception as error:
            late = type(error) is Exception or isinstance(error, TimeoutError)
            if not late or start == STARTS:
                raise
            if cluster is not None:
                cluster.shutdown()
    raise AssertionError
