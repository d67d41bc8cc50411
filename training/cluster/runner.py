"""Run a function on blocks of rows as tasks of a Ray cluster, with shared arrays in its object store."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Final, TypeVar

from training.artefact.files import remove_abandoned, temporary_folder
from training.cluster.environment import prepare_environment
from training.errors import ClusterError

LOCAL: Final = "local"
FOLDER_PREFIX: Final = "stars-ray-"
"""Start of the names of the temporary folders of local clusters; those of killed processes are removed."""

# How often a block is run again if its worker or node dies; more than that, the block itself ends them.
_RETRIES: Final = 4

_Block = TypeVar("_Block")
_Shared = TypeVar("_Shared")
_Result = TypeVar("_Result")


@contextmanager
def connect(
    address: str, *, cpus: int | None = None, object_store_bytes: int | None = None
) -> Iterator[RayRunner]:
    """Connect to a cluster, or start one of this machine alone, which ends with the context.

    A process can do this once for each kind: Ray reads its settings when it is first imported.

    Args:
        address: `host:port` of the cluster's head, or `local` to start a cluster of this machine.
        cpus: Number of blocks that a local cluster runs at the same time; by default one for each core.
        object_store_bytes: Size of the object store of a local cluster; by default Ray's, 30% of the memory.

    Yields:
        A runner of blocks.

    Raises:
        ClusterError: Ray is not installed, the cluster cannot be reached, it refuses the token of this
            process, or a node of it accepts connections without a token.
    """
    local = address == LOCAL
    prepare_environment(local)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"--cluster needs the package {error.name!r}, which is not installed: in the repository run "
            "`make setup`, elsewhere install this package with its extras `train` and `cluster`"
        ) from None
    with ExitStack() as stack:
        options: dict[str, Any] = {}
        if local:
            remove_abandoned(FOLDER_PREFIX)
            options = {
                "_temp_dir": str(stack.enter_context(temporary_folder(FOLDER_PREFIX))),
                "_node_ip_address": "127.0.0.1",
                "num_cpus": cpus,
                "object_store_memory": object_store_bytes,
                "include_dashboard": False,
            }
        stack.callback(ray.shutdown)
        _start(ray, address, options)
        yield RayRunner(ray)


def _start(ray: Any, address: str, options: Mapping[str, Any]) -> None:
    """Connect to the cluster, and check that each of its nodes requires a token."""
    from ray.exceptions import AuthenticationError

    try:
        if address != LOCAL:
            # Ray would wait for it much longer.
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        # A cluster of this machine has this process's token, so that it is not refused.
        with nullcontext() if address == LOCAL else _without_messages():
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **options)
        _check_nodes(ray)
    except (AuthenticationError, OSError, ValueError) as error:
        if isinstance(error, AuthenticationError) or "InvalidAuthToken" in str(error.__cause__):
            problem = (
                "refused the token of this process, or there is none: set RAY_AUTH_TOKEN, or "
                "RAY_AUTH_TOKEN_PATH to its file, to the token of the cluster's nodes"
            )
        else:
            problem = "cannot be reached: --cluster takes the host:port of its head, or local"
        raise ClusterError(f"the cluster at {address} {problem}") from error


@contextmanager
def _without_messages() -> Iterator[None]:
    """Discard what Ray prints to stderr in C++, a warning for each attempt; its exception says the same."""
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


class RayRunner:
    """Runs functions on blocks as Ray tasks. Made by `connect`.

    A block is put into the object store when it is first seen and stays there, so that it is sent once, not
    in every round. What this process puts is lost only with it, so that a task can run again on another node.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_call)
        # By identity, which is unambiguous as long as the block is held.
        self._placed: dict[int, tuple[object, Any]] = {}

    def run(
        self,
        function: Callable[[_Block, _Shared], _Result],
        blocks: Sequence[_Block],
        shared: _Shared,
    ) -> Iterator[_Result]:
        """Yield `function(block, shared)` for each block; those of a worker or node that dies are run again.

        Args:
            function: A pure function at the top level of a module that every node has.
            blocks: One argument for each task. The same objects in every round, which are never changed.
            shared: The other argument, which each node gets once.

        Yields:
            The results in the order of the blocks. Their arrays, and those of the arguments, are read-only.

        Raises:
            ClusterError: The workers or nodes of a block died too often.
            Exception: The first exception of the function.
        """
        errors = self._ray.exceptions
        handle = self._ray.put(shared)
        tasks = [self._task.remote(function, self._place(block), handle) for block in blocks]
        # A result leaves the object store when it is used.
        tasks.reverse()
        try:
            while tasks:
                yield self._ray.get(tasks.pop())
        except errors.RayTaskError as error:
            raise error.cause from error
        except errors.RayError as error:
            reason = str(error).strip().splitlines()[0]
            raise ClusterError(
                f"the cluster did not finish a block in {_RETRIES + 1} tries: {reason}"
            ) from error

    def _place(self, block: object) -> Any:
        """Return the reference of a block in the object store."""
        if id(block) not in self._placed:
            self._placed[id(block)] = block, self._ray.put(block)
        return self._placed[id(block)][1]


def _call(function: Callable[[_Block, _Shared], _Result], block: _Block, shared: _Shared) -> _Result:
    return function(block, shared)


def _check_nodes(ray: Any) -> None:
    """Raise ClusterError if a node was started without a token: anyone could run code on it."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    mode = ray.remote(num_cpus=0)(_authentication_mode)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    tasks = [
        mode.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
        for node in nodes
    ]
    for node, task in zip(nodes, tasks, strict=True):
        if ray.get(task) != "token":
            raise ClusterError(
                f"the node {node['NodeManagerAddress']} accepts connections without a token: start every "
                "node with the variables of deploy/ray.env"
            )


def _authentication_mode() -> str:
    return os.environ.get("RAY_AUTH_MODE", "")
