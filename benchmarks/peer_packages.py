"""How the other packages are called."""

import contextlib
import importlib
import io
import itertools
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
import scipy.ndimage
from peer_cells import TOLERANCES, Peer, Problem, SkipError, lame, mandel, unit_strains
from problems import POISSON


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
