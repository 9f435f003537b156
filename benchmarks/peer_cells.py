"""What packages are compared on, and what a package offers to be compared: jaxmicro itself is the first."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from problems import POISSON, young

import jaxmicro as jm

TOLERANCES = tuple(round(a * 10.0**-b, 12) for b in range(2, 9) for a in (1.0, 0.3))[:-1]
"""From loose to tight, two per decade: 1e-2, 3e-3, ... 1e-8."""


@dataclass(frozen=True)
class Problem:
    """A two-phase cell: phase 0 has modulus (or diffusivity) 1, phase 1 has `contrast`.

    Attributes:
        physics: `"elasticity"`, or `"diffusion"`: phase 1 blocked, walls across x at unit difference, periodic otherwise.
        kind: a cell of `problems.KINDS`.
        shape: voxels per axis.
        contrast: modulus of phase 1.
        loads: load cases; all of them, or one.
        target: largest relative error of the effective tensor.
    """

    physics: str
    kind: str
    shape: tuple[int, ...]
    contrast: float
    loads: int
    target: float = 1e-6

    @property
    def name(self) -> str:
        """What the tables call it."""
        grid = " x ".join(map(str, self.shape))
        cell = self.kind if self.physics == "diffusion" else f"{self.kind} {self.contrast:g}"
        return f"{self.physics}, {cell}, {grid}, {self.loads} load{'s' if self.loads > 1 else ''}"

    @property
    def second(self) -> np.ndarray:
        """Where phase 1 is."""
        return young(self.kind, self.shape, 2.0) != 1.0

    @property
    def dim(self) -> int:
        """Number of axes."""
        return len(self.shape)


def problems(quick: bool) -> list[Problem]:
    """All problems, or small ones."""
    flat, solid = ((32,), (8,)) if quick else ((64, 128, 256), (16, 32, 64))
    found = [Problem("elasticity", "inclusion", (n, n), 10.0, 3) for n in flat]
    found += [Problem("elasticity", "inclusion", (n, n, n), 10.0, 6) for n in solid]
    largest = ((flat[-1],) * 2, (solid[-1],) * 3)
    found += [Problem("elasticity", "thresholded", shape, contrast, 1) for shape in largest for contrast in (10.0, 100.0)]
    found += odd_problems(quick)
    blocked = ((32, 32), (16, 16, 16)) if quick else ((128, 128), (64, 64, 64))
    found += [Problem("diffusion", "inclusion", shape, 0.0, 1, 1e-4) for shape in blocked]
    return [*found, Problem("diffusion", "thresholded", blocked[1], 0.0, 1, 1e-4)]


def odd_problems(quick: bool) -> list[Problem]:
    """Odd grids next to the others, for schemes whose highest frequency is ambiguous on even ones."""
    flat, solid = ((31,), (9,)) if quick else ((63, 125, 243), (15, 27))
    found = [Problem("elasticity", "inclusion", (n, n), 10.0, 3) for n in flat]
    found += [Problem("elasticity", "inclusion", (n, n, n), 10.0, 6) for n in solid]
    largest = ((flat[-1],) * 2, (9 if quick else 63,) * 3)
    return found + [Problem("elasticity", "thresholded", shape, contrast, 1) for shape in largest for contrast in (10.0, 100.0)]


def lame(modulus: Any, second: Any) -> tuple[Any, Any]:
    """Lamé's constants per voxel of a cell whose phase 1 has a given Young's modulus."""
    e = jnp.where(second, modulus, 1.0)
    return e * POISSON / ((1 + POISSON) * (1 - 2 * POISSON)), e / (2 * (1 + POISSON))


def unit_strains(dim: int, count: int) -> np.ndarray:
    """The first mean strains of unit Mandel norm, (load, dim, dim): 11, 22, (33, 23, 13,) 12."""
    pairs = [(i, i) for i in range(dim)] + [(i, j) for i in range(dim) for j in range(i + 1, dim)][::-1]
    strains = np.zeros((len(pairs), dim, dim))
    for k, (i, j) in enumerate(pairs):
        strains[k, i, j] = strains[k, j, i] = 1.0 if i == j else 0.5**0.5
    return strains[:count]


def mandel(stress: Any) -> Any:
    """Mandel components of symmetric tensors (load, dim, dim), as columns (component, load)."""
    dim = stress.shape[-1]
    return jnp.einsum("kij,lij->kl", unit_strains(dim, dim * (dim + 1) // 2), jnp.asarray(stress))


class SkipError(Exception):
    """A problem is not one that a package poses; the message says why."""


def message(error: BaseException) -> str:
    """One line, without places on this machine."""
    lines = str(error).strip().splitlines() or [""]
    words = [word if not word.strip("'\"(").startswith("/") else "..." for word in lines[0].split()]
    return f"{type(error).__name__}: {' '.join(words)}"[:300]


class Peer(ABC):
    """A package: what it is called, whether it is there, its solve and its derivative.

    Attributes:
        name: what the tables call it.
        module: what is imported.
        counterpart: discretisation of jaxmicro that it is compared with.
        physics: what it solves.
        note: how it was called, for the results.
        odd: whether it also runs on odd grids.
        tight: tolerance of its reference.
        tolerances: those to try, from loose to tight.
    """

    name: ClassVar[str]
    module: ClassVar[str]
    counterpart: ClassVar[str] = "finite_element"
    physics: ClassVar[str] = "elasticity"
    note: ClassVar[str] = ""
    odd: ClassVar[bool] = False
    tight: ClassVar[float] = 1e-10
    tolerances: ClassVar[tuple[float, ...]] = TOLERANCES

    def __init__(self) -> None:
        self._kept: tuple[Any, Any] = (None, None)

    def available(self) -> str:
        """Empty if it can be imported, else why not."""
        try:
            importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            missing = (error.name or "").split(".")[0]
            return "not installed" if missing == self.module.split(".")[0] else f"not installed: it needs {missing}"
        except Exception as error:
            return f"cannot be imported: {message(error)}"
        return ""

    def check(self, problem: Problem) -> None:
        """Raise `SkipError` for a problem that it does not pose."""
        if problem.physics != self.physics:
            raise SkipError(f"runs {self.physics} here")
        if problem.shape[0] % 2 and not self.odd:
            raise SkipError("run on the even grids")

    def build(self, problem: Problem) -> Any:
        """What stays the same from solve to solve, for those that keep anything."""
        raise LookupError(f"{self.name} keeps nothing for {problem.name}")

    @abstractmethod
    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """Columns of the effective tensor, (component, load), in Mandel notation, and iterations summed over the loads."""

    def gradients(self, problem: Problem) -> dict[str, Callable[[], float]]:
        """Ways to get dC_eff[0, 0]/d(modulus of phase 1), by name; empty if none is offered."""
        del problem
        return {}

    def value(self, problem: Problem, modulus: float) -> float:
        """C_eff[0, 0] of the cell with another modulus of phase 1, at the tight tolerance."""
        changed = Problem(problem.physics, problem.kind, problem.shape, modulus, 1, problem.target)
        return float(self.solve(changed, self.tight)[0][0, 0])

    def forget(self) -> None:
        """Free what `kept` holds."""
        self._kept = (None, None)

    def kept(self, problem: Problem) -> Any:
        """`build`, remembered for the last problem."""
        if self._kept[0] != problem:
            self._kept = (None, None)
            self._kept = (problem, self.build(problem))
        return self._kept[1]


class Jaxmicro(Peer):
    """This package, with the discretisation of the peer that it is compared with."""

    module = "jaxmicro"
    tight = 1e-8

    def __init__(self, discretization: str = "finite_element") -> None:
        super().__init__()
        self.discretization = discretization
        self.name = f"jaxmicro {discretization}"  # pyright: ignore[reportAttributeAccessIssue]

    def check(self, problem: Problem) -> None:
        """Blocked phases are for finite volumes, elasticity for the rest."""
        if (problem.physics == "diffusion") != (self.discretization == "finite_volume"):
            raise SkipError("another discretisation is compared here")

    def build(self, problem: Problem) -> Any:
        """A compiled solve per tolerance, and the law."""
        second = problem.second
        if problem.physics == "diffusion":
            # Walls are mirrors: the cell and its image across x are one period.
            k = jnp.where(np.concatenate([second, second[::-1]]), problem.contrast, 1.0)
            return jm.Grid(k.shape), k
        return jm.Grid(problem.shape), jm.materials.Isotropic(*lame(problem.contrast, second))

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """All load cases, as the package does; the columns that the problem asks for."""
        grid, law = self.kept(problem)
        solve = jm.effective_conductivity if problem.physics == "diffusion" else jm.effective_stiffness
        result = solve(law, grid, discretization=self.discretization, rtol=tolerance)
        return np.asarray(result.tensor)[:, : problem.loads], int(np.asarray(result.steps).sum())

    def gradients(self, problem: Problem) -> dict[str, Callable[[], float]]:
        """Both modes."""
        if problem.physics == "diffusion":
            return {}
        grid, second = jm.Grid(problem.shape), jnp.asarray(problem.second)

        def value(modulus: jax.Array) -> jax.Array:
            law = jm.materials.Isotropic(*lame(modulus, second))
            return jm.effective_stiffness(law, grid, discretization=self.discretization, rtol=self.tight).tensor[0, 0]

        at = jnp.asarray(problem.contrast)
        return {"reverse": lambda: float(jax.grad(value)(at)), "forward": lambda: float(jax.jacfwd(value)(at))}
