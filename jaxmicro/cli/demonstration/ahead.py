"""Work done in the background, so that what is needed later is compiled by then."""

import threading
from collections.abc import Callable
from typing import Self

import jax

from jaxmicro._core import split_named
from jaxmicro.cli.demonstration.designs import Study
from jaxmicro.cli.demonstration.front import LANES, any_front
from jaxmicro.design import minimize, verify


class Ahead:
    """Tasks that run one after the other beside the main work; leaving the block waits for the one that is running.

    A task that fails is only not done ahead: the main work will meet the same problem and report it.
    """

    def __init__(self, *tasks: Callable[[], object]):
        self._tasks = tasks
        self._done = [threading.Event() for _ in tasks]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="compile ahead")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, index: int) -> None:
        """Wait until a task has been tried."""
        self._done[index].wait()

    def _run(self) -> None:
        for task, done in zip(self._tasks, self._done, strict=True):
            if not self._stop.is_set():
                try:
                    task()
                except Exception:
                    self._stop.set()
            done.set()


def compiled_ahead(study: Study, key: jax.Array) -> Ahead:
    """The verification (task 0), and two steps of each search for a front (tasks 1 and 2)."""
    keys = split_named(key, "latent", "front")
    problem = any_front(study)

    def check() -> None:
        verify(problem, study.space.initial(1, keys["latent"]))

    def step(method: str, lanes: int) -> None:
        minimize(problem, method, budget=2 * lanes * problem.solves, population=lanes, key=keys["front"], verify=False)

    return Ahead(check, lambda: step("gradient", LANES), lambda: step("nsga2", study.batch))
