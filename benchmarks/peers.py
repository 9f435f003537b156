"""Other packages on the same problems as jaxmicro, in the same run and at equal true error.

For each problem and package the tolerance is loosened as far as the effective tensor stays within the target of the package's
own tight solve (relative to the largest entry), and that solve is timed: median of some repeats after a warm-up. jaxmicro is
held to the same rule with the same discretisation. A unit is one scipy rfftn + irfftn pair of a scalar field of the same grid.
Gradients are those of C_eff[0, 0] with respect to the modulus of the second phase, against central differences of the same
package's value. Packages that are not installed are reported as such, and one that fails is reported with its message.

    python benchmarks/peers.py [--quick] [--repeats 7] [--only muGrid,xpektra] [--threads 1] [--output FILE]
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
import scipy.ndimage
from problems import POISSON, young

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "peers.json"
TOLERANCES = tuple(round(a * 10.0**-b, 12) for b in range(2, 9) for a in (1.0, 0.3))[:-1]
"""From loose to tight, two per decade: 1e-2, 3e-3, ... 1e-8."""
TIMED_SECONDS = 60.0
"""Repeats of a solve end early when they took this long."""


# ------------------------------------------------------------------------------------------------------------- problems


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


# ---------------------------------------------------------------------------------------------------------------- peers


class SkipError(Exception):
    """A problem is not one that a package poses; the message says why."""


class Peer:
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
            return f"cannot be imported: {_message(error)}"
        return ""

    def check(self, problem: Problem) -> None:
        """Raise `SkipError` for a problem that it does not pose."""
        if problem.physics != self.physics:
            raise SkipError(f"runs {self.physics} here")
        if problem.shape[0] % 2 and not self.odd:
            raise SkipError("run on the even grids")

    def build(self, problem: Problem) -> Any:
        """What stays the same from solve to solve."""
        raise NotImplementedError

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """Columns of the effective tensor, (component, load), in Mandel notation, and iterations summed over the loads."""
        raise NotImplementedError

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


class MuGrid(Peer):
    """Compiled bi- and trilinear elements, Green's preconditioner by FFT, the package's conjugate gradients."""

    name = "muGrid"
    module = "muGrid"
    note = (
        "IsotropicStiffnessOperator (Q1), make_reference_stiffness_preconditioner (volume mean as reference), "
        "Solvers.conjugate_gradients from zero; one thread"
    )
    tight = 1e-11

    def build(self, problem: Problem) -> Any:
        """Engine, operator, preconditioner and fields."""
        grid = importlib.import_module("muGrid")
        prec = importlib.import_module("muGrid.Preconditioners")
        spacing = [1.0 / n for n in problem.shape]
        operator = grid.IsotropicStiffnessOperator(problem.dim, spacing)
        engine = grid.FFTEngine(list(problem.shape), ghosts=operator)
        constants = []
        for name, values in zip(("lambda", "mu"), lame(problem.contrast, problem.second), strict=True):
            field = engine.real_space_field(name)
            field.s[...] = np.asarray(values)
            engine.communicate_ghosts(field)
            constants.append(field)
        means = [float(np.mean(c)) for c in lame(problem.contrast, problem.second)]

        def uniform(u: Any, f: Any) -> None:
            engine.communicate_ghosts(u)
            operator.apply_uniform(u, *means, f)

        def apply(u: Any, f: Any) -> None:
            engine.communicate_ghosts(u)
            operator.apply(u, *constants, f)

        green = prec.make_reference_stiffness_preconditioner(engine, uniform, problem.dim)
        fields = [engine.real_space_field(name, components=(problem.dim,)) for name in ("u", "f")]
        return grid, engine, operator, constants, apply, green, fields

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """Loads one after the other; the tensor is the mean stress, as the package computes it."""
        grid, engine, operator, constants, apply, green, (u, f) = self.kept(problem)
        solvers = importlib.import_module("muGrid.Solvers")
        raw = [c._cpp for c in constants]
        stresses, steps = [], 0
        for strain in unit_strains(problem.dim, problem.loads):
            operator.apply_macro_rhs(*raw, strain.ravel(), f._cpp)
            f.s[...] *= -1.0
            u.set_zero()
            count = [0]
            solvers.conjugate_gradients(
                grid.Communicator(), engine.real_space_collection, f, u, apply, green, maxiter=5000, rtol=tolerance,
                callback=lambda i, _, count=count: count.__setitem__(0, i),
            )  # fmt: skip
            engine.communicate_ghosts(u)
            stresses.append(np.reshape(operator.average_stress(u._cpp, *raw, strain.ravel()), strain.shape))
            steps += count[0]
        return np.asarray(mandel(np.stack(stresses))), steps

    def gradients(self, problem: Problem) -> dict[str, Callable[[], float]]:
        """Its sensitivity kernel: no derivative by tracing, but what one is made of."""

        def sensitivity() -> float:
            one = Problem(problem.physics, problem.kind, problem.shape, problem.contrast, 1)
            self.solve(one, self.tight)
            _, engine, operator, _, _, _, (u, _) = self.kept(one)
            strain = unit_strains(problem.dim, 1)[0].ravel()
            parts = [engine.real_space_field(name) for name in ("shear", "volumetric")]
            operator.compute_sensitivity(u._cpp, strain, u._cpp, strain, *(p._cpp for p in parts))
            shear, volumetric = (np.asarray(p.s).reshape(problem.shape)[problem.second].sum() for p in parts)
            return float(2 * shear / (2 * (1 + POISSON)) + volumetric * POISSON / ((1 + POISSON) * (1 - 2 * POISSON)))

        return {"sensitivity kernel": sensitivity}

    def parts(self, problem: Problem) -> dict[str, Callable[[], None]]:
        """One application of the operator and one of the preconditioner."""
        *_, apply, green, (u, f) = self.kept(problem)
        return {"operator": lambda: apply(u, f), "preconditioner": lambda: green.apply(f, u)}


class Xpektra(Peer):
    """Strains as unknowns, Fourier-Galerkin projection of the package, conjugate gradients."""

    name = "xpektra"
    module = "xpektra"
    counterpart = "fourier"
    odd = True
    tight = 1e-12
    scheme: ClassVar[str] = "FourierScheme"
    note = (
        "SpectralOperator with FourierScheme and GalerkinProjection on the full strain gradient, as its examples do; the package "
        "ships no solver (its examples take one from elsewhere), so the conjugate gradients are a compiled loop of this script. "
        "On even grids, which its examples avoid, its highest frequency is not that of a real field: one such problem shows it"
    )

    def check(self, problem: Problem) -> None:
        """Odd grids, and the smallest disc."""
        super().check(problem)
        if problem.shape[0] % 2 == 0 and (problem.dim == 3 or problem.shape[0] > 64 or problem.kind != "inclusion"):
            raise SkipError("run on odd grids, and one even one")

    def build(self, problem: Problem) -> Any:
        """The compiled solve of one load, a function of modulus, mean strain and tolerance."""
        package = importlib.import_module("xpektra")
        transform = package.FFTTransform(dim=problem.dim)
        space = package.SpectralSpace(lengths=(1.0,) * problem.dim, shape=problem.shape, transform=transform)
        scheme = getattr(package, self.scheme)(space=space)
        operator = package.SpectralOperator(scheme=scheme, space=space, projection=package.GalerkinProjection())
        second, eye = jnp.asarray(problem.second), jnp.eye(problem.dim)
        axes = tuple(range(problem.dim))

        def stress(modulus: jax.Array, strain: jax.Array) -> jax.Array:
            lam, mu = lame(modulus, second)
            trace = jnp.trace(strain, axis1=-2, axis2=-1)
            return (lam * trace)[..., None, None] * eye + mu[..., None, None] * (strain + jnp.swapaxes(strain, -1, -2))

        def projected(modulus: jax.Array, strain: jax.Array) -> jax.Array:
            return operator.inverse(operator.project(operator.forward(stress(modulus, strain))))

        def mean_stress(modulus: jax.Array, mean: jax.Array, fluctuation: Callable) -> tuple[jax.Array, jax.Array]:
            uniform = jnp.broadcast_to(mean, (*problem.shape, *mean.shape))
            found, steps = fluctuation(lambda x: projected(modulus, x), -projected(modulus, uniform))
            return stress(modulus, uniform + found).mean(axes), steps

        def one_load(modulus: jax.Array, mean: jax.Array, tolerance: jax.Array) -> tuple[jax.Array, jax.Array]:
            return mean_stress(modulus, mean, lambda a, b: conjugate_gradients(a, b, tolerance))

        def differentiable(modulus: jax.Array, mean: jax.Array) -> jax.Array:
            def fluctuation(a: Callable, b: jax.Array) -> tuple[jax.Array, jax.Array]:
                return jax.scipy.sparse.linalg.cg(a, b, tol=self.tight, maxiter=2000)[0], jnp.asarray(0)

            return mean_stress(modulus, mean, fluctuation)[0][0, 0]

        def energy(modulus: jax.Array, mean: jax.Array) -> jax.Array:
            uniform = jnp.broadcast_to(mean, (*problem.shape, *mean.shape))
            found = conjugate_gradients(lambda x: projected(modulus, x), -projected(modulus, uniform), jnp.asarray(self.tight))[0]
            strain = jax.lax.stop_gradient(uniform + found)
            return jnp.sum(strain * stress(modulus, strain)) / problem.second.size

        ways = {"reverse": jax.grad(differentiable), "forward": jax.jacfwd(differentiable), "strain held fixed": jax.grad(energy)}
        return jax.jit(one_load), {name: jax.jit(way) for name, way in ways.items()}

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """Loads one after the other."""
        one_load, _ = self.kept(problem)
        found = [one_load(problem.contrast, jnp.asarray(mean), tolerance) for mean in unit_strains(problem.dim, problem.loads)]
        return np.asarray(mandel(jnp.stack([s for s, _ in found]))), sum(int(steps) for _, steps in found)

    def gradients(self, problem: Problem) -> dict[str, Callable[[], float]]:
        """The mean stress through `jax.scipy.sparse.linalg.cg`, which differentiates implicitly; the energy at a fixed strain."""
        _, ways = self.kept(problem)
        mean = jnp.asarray(unit_strains(problem.dim, 1)[0])
        return {name: lambda way=way: float(way(jnp.asarray(problem.contrast), mean)) for name, way in ways.items()}


class XpektraRotated(Xpektra):
    """The same with the rotated scheme."""

    name = "xpektra rotated"
    counterpart = "rotated"
    scheme = "RotatedDifference"
    note = "as xpektra, with RotatedDifference"


class Feax(Peer):
    """Trilinear elements on an unstructured mesh, periodicity by elimination, matrix-free conjugate gradients."""

    name = "feax"
    module = "feax.flat"
    note = "flat.solver.create_homogenization_solver, HEX8, KrylovSolverOptions(solver='cg'), compiled; iterations are not reported by it"

    def check(self, problem: Problem) -> None:
        """One size: its set-up loops over the nodes in Python."""
        super().check(problem)
        if problem.dim != 3 or max(problem.shape) > 16 or problem.kind != "inclusion":
            raise SkipError("run on spheres of up to 16 voxels per edge only")

    def build(self, problem: Problem) -> Any:
        """Mesh, periodicity and cell numbers; compiled solves by tolerance."""
        feax, flat = importlib.import_module("feax"), importlib.import_module("feax.flat")
        importlib.import_module("feax.flat.solver")
        boxes = importlib.import_module("feax.mesh")
        n = problem.shape[0]
        mesh = boxes.box_mesh(1.0, mesh_size=(1.0 - 1e-9) / n)

        def mesh_build(_: Any, **__: Any) -> Any:
            return mesh

        cell = type("Cell", (flat.unitcell.UnitCell,), {"mesh_build": mesh_build})()

        def get_tensor_map(_: Any) -> Callable:
            def stress(gradient: jax.Array, lam: jax.Array, mu: jax.Array) -> jax.Array:
                strain = 0.5 * (gradient + gradient.T)
                return lam * jnp.trace(strain) * jnp.eye(3) + 2 * mu * strain

            return stress

        elastic = type("Elastic", (feax.Problem,), {"get_tensor_map": get_tensor_map})
        posed = elastic(mesh, vec=3, dim=3, ele_type="HEX8")
        periodic = flat.pbc.prolongation_matrix(flat.pbc.periodic_bc_3D(cell, vec=3, dim=3), mesh, vec=3)
        free = feax.DirichletBCConfig([]).create_bc(posed)
        centres = np.asarray(mesh.points)[np.asarray(mesh.cells)].mean(1)
        second = jnp.asarray(problem.second[tuple(np.floor(centres * n).astype(int).T)])
        scale = jnp.asarray([1.0, 1.0, 1.0, 2**0.5, 2**0.5, 2**0.5])
        compiled: dict[float, Callable] = {}

        def tensor(tolerance: float) -> Callable:
            if tolerance not in compiled:
                options = feax.KrylovSolverOptions(solver="cg", tol=tolerance, atol=0.0)
                solve = flat.solver.create_homogenization_solver(posed, free, periodic, mesh, options, dim=3)

                def of_modulus(modulus: jax.Array) -> jax.Array:
                    found = solve(feax.TracedParams(volume_vars=lame(modulus, second))).C_hom
                    return scale[:, None] * found * scale

                compiled[tolerance] = of_modulus
            return compiled[tolerance]

        return tensor, {}

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """All load cases, as the package does."""
        tensor, compiled = self.kept(problem)
        if tolerance not in compiled:
            compiled[tolerance] = jax.jit(tensor(tolerance))
        return np.asarray(compiled[tolerance](jnp.asarray(problem.contrast)))[:, : problem.loads], None

    def value(self, problem: Problem, modulus: float) -> float:
        """The same compiled solve at another modulus."""
        self.solve(problem, self.tight)
        return float(self.kept(problem)[1][self.tight](jnp.asarray(modulus))[0, 0])

    def gradients(self, problem: Problem) -> dict[str, Callable[[], float]]:
        """Reverse mode, which its solves define."""
        tensor, _ = self.kept(problem)
        at = jnp.asarray(problem.contrast)
        return {"reverse": lambda: float(jax.grad(lambda modulus: tensor(self.tight)(modulus)[0, 0])(at))}


class TauFactor(Peer):
    """Successive over-relaxation of the two-phase diffusion problem, in single precision."""

    name = "taufactor"
    module = "taufactor"
    physics = "diffusion"
    counterpart = "finite_volume"
    note = (
        "PeriodicSolver on the processor in its single precision: walls across x, periodic across the rest. jaxmicro solves the "
        "same equations on the cell and its mirror image, twice the voxels; the reference is jaxmicro's tight solve"
    )
    tolerances = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
    tight = 3e-5

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """A new solver object each time, since it holds its iterate."""
        package = importlib.import_module("taufactor")
        with contextlib.redirect_stdout(io.StringIO()):
            solver = package.PeriodicSolver((~problem.second).astype(np.uint8), device="cpu")
            solver.solve(verbose=False, conv_crit=tolerance, iter_limit=20000)
        return np.asarray(solver.D_eff, dtype=float).reshape(1, 1), int(solver.iter)


class Evoxels(Peer):
    """Pseudo-time stepping of diffusion with a smoothed boundary."""

    name = "evoxels"
    module = "evoxels"
    physics = "diffusion"
    counterpart = "finite_volume"
    note = (
        "SteadyStatePseudoTimeSolver with ReactionDiffusionSBM and PseudoSpectralIMEX (A = 8, time step 1) on its JAX backend in "
        "double precision: walls across x, periodic across the rest. Its boundary is a smooth mask, here one voxel wide, so that its "
        "effective diffusivity is that of another cell; an iteration evaluates its step twice"
    )
    tight = 1e-11
    tolerances = tuple(t / 100 for t in TOLERANCES)
    damping: ClassVar[float] = 8.0
    """Weight of its implicit part: the smooth mask makes its default unstable."""

    def check(self, problem: Problem) -> None:
        """A blocked phase that stays off the walls."""
        super().check(problem)
        if problem.kind != "inclusion":
            raise SkipError("where the mask meets the walls, no weight of the implicit part that was tried (2, 4, 8) was stable")

    def build(self, problem: Problem) -> Any:
        """Fields, and the compiled step."""
        package = importlib.import_module("evoxels")
        pdes, steppers = importlib.import_module("evoxels.pdes"), importlib.import_module("evoxels.timesteppers")
        second = problem.second.reshape((*problem.shape, 1)[:3])
        inside, outside = (np.asarray(scipy.ndimage.distance_transform_edt(part)) for part in (~second, second))
        mask = 0.5 * (1 + np.tanh(np.where(second, 0.5 - outside, inside - 0.5)))
        fields = package.VoxelFields(second.shape, tuple(n / second.shape[0] for n in second.shape))
        fields.precision = "float64"
        heights = (np.arange(second.shape[0]) + 0.5) / second.shape[0]
        weight = np.clip(mask, 1e-4, 1.0)
        start = weight * heights[:, None, None]
        fields.add_field("c", start)
        solver = package.solvers.SteadyStatePseudoTimeSolver(fields, "c", "jax", step_fn=abs, device="cpu")
        walls = (("dirichlet", (0.0, 1.0)), "periodic", "periodic")
        posed = pdes.ReactionDiffusionSBM(solver.vg, D=1.0, A=self.damping, mask=mask, bc=walls)
        return fields, start, weight, jax.jit(steppers.PseudoSpectralIMEX(posed, 1.0).step)

    def solve(self, problem: Problem, tolerance: float) -> tuple[np.ndarray, int | None]:
        """From a linear profile; the mean flux over the inner faces across x."""
        solvers = importlib.import_module("evoxels.solvers")
        fields, start, weight, step = self.kept(problem)
        fields.set_field("c", start)
        solver = solvers.SteadyStatePseudoTimeSolver(fields, "c", "jax", step_fn=step, device="cpu", conv_crit=tolerance)
        judge, count = solver.check_convergence, itertools.count()

        def bounded(*given: Any) -> bool:
            if next(count) >= 5000:
                raise RuntimeError("not converged in 5000 iterations")
            return judge(*given)

        solver.check_convergence = bounded
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                solver.solve(time_increment=1.0, jit=False, verbose=False)
        except SystemExit as error:
            raise RuntimeError("its iterates became NaN, upon which it exits") from error
        values = np.asarray(fields.fields["c"]) / weight
        flux = 0.5 * (weight[1:] + weight[:-1]) * (values[1:] - values[:-1])
        return np.array([[flux.mean() * len(values)]]), next(count)


def conjugate_gradients(matrix: Callable, rhs: jax.Array, tolerance: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Plain conjugate gradients from zero, and their number of steps."""
    first = jnp.vdot(rhs, rhs)

    def more(state: tuple) -> jax.Array:
        _, _, _, square, step = state
        return (square > tolerance**2 * first) & (step < 5000)

    def step(state: tuple) -> tuple:
        x, r, p, square, count = state
        q = matrix(p)
        length = square / jnp.vdot(p, q)
        r = r - length * q
        new = jnp.vdot(r, r)
        return x + length * p, r, r + new / square * p, new, count + 1

    x, *_, count = jax.lax.while_loop(more, step, (jnp.zeros_like(rhs), rhs, rhs, first, jnp.asarray(0)))
    return x, count


PEERS: tuple[type[Peer], ...] = (MuGrid, Xpektra, XpektraRotated, Feax, TauFactor, Evoxels)


# ------------------------------------------------------------------------------------------------------------- measuring


def measure(peer: Peer, problem: Problem, repeats: int, reference: np.ndarray | None = None) -> dict[str, Any]:
    """The loosest tolerance that meets the target, and what a solve costs there."""
    start = time.perf_counter()
    own = peer.solve(problem, peer.tight)[0]
    first_of_all = time.perf_counter() - start
    reference = own if reference is None else reference
    for tolerance in peer.tolerances:
        start = time.perf_counter()
        found, steps = peer.solve(problem, tolerance)
        first = time.perf_counter() - start
        error = float(np.abs(found - reference[: len(found)]).max() / np.abs(reference).max())
        if error <= problem.target:
            break
    else:
        raise RuntimeError(f"no tolerance down to {peer.tolerances[-1]:g} meets the target: the error stays at {error:.1e}")
    times: list[float] = []
    while len(times) < repeats and (len(times) < 2 or sum(times) < TIMED_SECONDS):
        start = time.perf_counter()
        peer.solve(problem, tolerance)
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times)
    # jaxmicro and feax always solve all load cases; so that one load can be compared, seconds are per load.
    solved = own.shape[0] if isinstance(peer, Jaxmicro | Feax) else problem.loads
    return {
        "tolerance": tolerance,
        "error": error,
        "iterations": steps,
        "loads_solved": solved,
        "tight_first_call_seconds": round(first_of_all, 3),
        "first_call_seconds": round(first, 3),
        "repeats": len(times),
        "seconds": seconds,
        "seconds_per_load": seconds / solved,
        "seconds_per_iteration": seconds / steps if steps else None,
        "tensor_00": float(own[0, 0]),
        "_tensor": own,
    }


def unit_seconds(shape: tuple[int, ...]) -> float:
    """Median seconds of one scipy rfftn + irfftn pair."""
    field = np.random.default_rng(0).normal(size=shape)
    return _median(lambda: scipy.fft.irfftn(scipy.fft.rfftn(field), s=shape), 25)


def _median(function: Callable[[], object], repeats: int) -> float:
    times = []
    function()
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def gradient_errors(peer: Peer, problem: Problem) -> dict[str, Any]:
    """Relative errors of the derivatives that a package offers, against central differences of its own value."""
    ways = {} if _reason(peer, problem) else peer.gradients(problem)
    if not ways:
        return {"gradient": "not offered"}
    step = 2e-3 * problem.contrast
    far, near = (
        (peer.value(problem, problem.contrast + h) - peer.value(problem, problem.contrast - h)) / (2 * h) for h in (2 * step, step)
    )
    central = (4 * near - far) / 3
    found: dict[str, Any] = {"problem": problem.name, "central_difference": central}
    for name, derivative in ways.items():
        try:
            error = abs(derivative() / central - 1)
            found[name] = error if np.isfinite(error) else "nan"
        except Exception as error:
            found[name] = _message(error)
    return found


def all_gradients(peers: list[Peer]) -> dict[str, dict[str, Any]]:
    """Those of jaxmicro and of every peer, on small discs and spheres."""
    found: dict[str, dict[str, Any]] = {}
    for peer in (*(Jaxmicro(s) for s in ("finite_element", "fourier", "rotated")), *peers):
        shape = (8, 8, 8) if isinstance(peer, Feax) else (15, 15) if isinstance(peer, Xpektra) else (16, 16)
        print(f"gradients: {peer.name}", file=sys.stderr, flush=True)
        try:
            found[peer.name] = gradient_errors(peer, Problem("elasticity", "inclusion", shape, 10.0, 1))
        except Exception as error:
            found[peer.name] = {"failed": _message(error)}
        peer.forget()
    return found


def _message(error: BaseException) -> str:
    """One line, without places on this machine."""
    lines = str(error).strip().splitlines() or [""]
    words = [word if not word.strip("'\"(").startswith("/") else "..." for word in lines[0].split()]
    return f"{type(error).__name__}: {' '.join(words)}"[:300]


def run(peers: list[Peer], chosen: list[Problem], repeats: int, rows: list[dict[str, Any]], store: Callable[[], None]) -> None:
    """All problems: jaxmicro with each discretisation in question, then the peers; `store` after each problem."""
    for problem in chosen:
        present = [p for p in peers if not _reason(p, problem)]
        unit = unit_seconds(problem.shape)
        ours: dict[str, dict[str, Any]] = {}
        for scheme in dict.fromkeys(p.counterpart for p in present):
            ours[scheme] = _row(Jaxmicro(scheme), problem, repeats, unit, None)
            rows.append(ours[scheme])
        for peer in present:
            rows.append(_row(peer, problem, repeats, unit, ours[peer.counterpart]))
            peer.forget()
        for row in rows:
            row.pop("_tensor", None)
        store()


def _reason(peer: Peer, problem: Problem) -> str:
    try:
        peer.check(problem)
    except SkipError as skip:
        return str(skip)
    return ""


def _row(peer: Peer, problem: Problem, repeats: int, unit: float, ours: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"problem": problem.name, "peer": peer.name, "target": problem.target, "unit_seconds": unit}
    print(f"{problem.name}: {peer.name}", file=sys.stderr, flush=True)
    same = isinstance(peer, TauFactor) and ours is not None and "_tensor" in ours
    try:
        row |= measure(peer, problem, repeats, ours["_tensor"] if same and ours else None)
        per_step = row["seconds_per_iteration"]
        row["units_per_iteration"] = per_step / unit if per_step else None
        if isinstance(peer, MuGrid):
            row["parts_in_units"] = {name: _median(part, 10) / unit for name, part in peer.parts(problem).items()}
        if ours is not None and "seconds_per_load" in ours:
            row["ratio_to_jaxmicro"] = row["seconds_per_load"] / ours["seconds_per_load"]
            difference = np.abs(row["_tensor"] - ours["_tensor"][: len(row["_tensor"])]).max() / np.abs(ours["_tensor"]).max()
            row["difference_to_jaxmicro"] = float(difference)
    except Exception as error:
        row["failed"] = _message(error)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [
        f"{'':18}{'tolerance':>10}{'error':>10}{'steps':>8}{'s':>11}{'s/load':>11}{'units/step':>12}{'x jaxmicro':>12}{'difference':>12}"
    ]
    for name, group in itertools.groupby(rows, key=lambda row: row["problem"]):
        lines.append(name)
        for row in group:
            if "failed" in row:
                lines.append(f"  {row['peer']:24}{row['failed']}")
                continue
            steps, units = row["iterations"] or "-", row["units_per_iteration"]
            ratio, gap = row.get("ratio_to_jaxmicro"), row.get("difference_to_jaxmicro")
            lines.append(
                f"  {row['peer']:24}{row['tolerance']:>7.0e}{row['error']:>9.0e}{steps:>8}{row['seconds']:>11.4f}{row['seconds_per_load']:>11.4f}"
                f"{'-' if units is None else f'{units:.1f}':>12}{'' if ratio is None else f'{ratio:.2f}':>12}{'' if gap is None else f'{gap:.0e}':>12}"
            )
    return "\n".join(lines)


def one_core(threads: int) -> None:
    """Start again on the first processors, before anything has counted them."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("--threads needs a system that can bind processes to processors.")
    chosen = sorted(os.sched_getaffinity(0))[:threads]
    variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    if all(os.environ.get(k) == v for k, v in variables.items()) and len(os.sched_getaffinity(0)) == len(chosen):
        return
    os.sched_setaffinity(0, chosen)
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | variables)


def versions() -> dict[str, str]:
    """Of this package, what it stands on, and the peers that are installed."""
    found = {"python": platform.python_version()}
    for name in ("jax", "jaxlib", "numpy", "scipy", "torch", "muGrid", "xpektra", "feax", "taufactor", "evoxels"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small grids")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", help="names of peers, separated by commas")
    parser.add_argument("--threads", type=int, help="bind the process to this many processors")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.threads:
        one_core(options.threads)
    warnings.filterwarnings("ignore")
    jax.config.update("jax_enable_x64", True)
    names = options.only.split(",") if options.only else None
    asked = [cls() for cls in PEERS if names is None or cls.name in names or cls.name.split()[0] in names]
    absent = {peer.name: reason for peer in asked if (reason := peer.available())}
    peers = [peer for peer in asked if peer.name not in absent]
    chosen = problems(options.quick)
    rows: list[dict[str, Any]] = []
    result = {
        "benchmark": "peers",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "processors_used": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "backend": jax.default_backend(),
        },
        "quick": options.quick,
        "peers": {peer.name: absent.get(peer.name, peer.note) for peer in asked},
        "skipped": [
            {"problem": problem.name, "peer": peer.name, "reason": reason}
            for problem in chosen
            for peer in peers
            if problem.physics == peer.physics and (reason := _reason(peer, problem))
        ],
        "gradients": all_gradients(peers),
        "solves": rows,
    }

    def store() -> None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=2) + "\n")

    store()
    run(peers, chosen, options.repeats, rows, store)
    print(table(rows))
    print("\nrelative error of dC_eff[0, 0]/d(modulus of phase 1), against central differences")
    skipped = ("problem", "central_difference")
    for name, found in result["gradients"].items():
        print(
            f"  {name:24}{', '.join(f'{k} {v:.1e}' if isinstance(v, float) else f'{k}: {v}' for k, v in found.items() if k not in skipped)}"
        )
    for name, reason in absent.items():
        print(f"  {name}: {reason}")
    print(f"stored in {options.output.name}")


if __name__ == "__main__":
    main()
