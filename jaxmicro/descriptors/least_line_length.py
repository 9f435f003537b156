"""The least length of dislocation lines that makes a given curvature of the lattice: many small linear programs at once.

Each point asks for min Σ|ρ_s| such that Σ ρ_s κ_s = κ, where κ_s is the curvature of one dislocation of type s in its unit density.
Every type may have either sign, so that any independent set of types is a feasible basis once its signs are chosen: the simplex method
starts without a first phase, and takes its steps for all points together. The multipliers y of the last basis, with |κ_s · y| ≤ 1 for
every type, prove that no other population has less line.
"""

import numpy as np
from jaxtyping import Float

from jaxmicro._core import SolveError
from jaxmicro.orientations import SlipSystems
from jaxmicro.orientations.on_host import rotation_matrices

CHUNK = 1 << 9  # points at once, so that their columns stay in the cache
MOST = 200  # steps; a dozen is usual
GAP = 1e-9  # relative
NUDGE = 1e-10  # of the curvature, so that no two types leave the basis together
SAME = 1e-9
PIVOT = 1e-9
SPREAD = 1e-3  # weight of independence beside that of the curvature in the choice of the first basis


def dislocation_curvatures(systems: SlipSystems) -> Float[np.ndarray, "3 3 m"]:
    """κ = αᵀ − ½ tr(α) 1, α = b ⊗ t, of every edge and screw dislocation of the slip systems, in crystal axes and for unit density.

    Edges lie along n × b, screws along b, once for each b. Lengths of b are relative to ⟨a⟩: in hexagonal crystals b = ⟨c + a⟩ is longer,
    since its part in the basal plane is ⟨a⟩.
    """
    b, n = np.asarray(systems.directions, float), np.asarray(systems.normals, float)
    hexagonal = [name.startswith("hcp") for name in systems.families] or [False] * b.shape[1]
    length = np.where(hexagonal, 1 / np.hypot(b[0], b[1]), 1.0)
    alpha = np.concatenate([np.einsum("is,js->ijs", b, np.cross(n, b, axis=0)), np.einsum("is,js->ijs", b, b)], axis=2)
    alpha = alpha * np.concatenate([length, length])
    flat = alpha.reshape(9, -1)
    first = [k for k in range(flat.shape[1]) if not any(_alike(flat[:, k], flat[:, j]) for j in range(k))]
    alpha = alpha[..., first]
    return np.swapaxes(alpha, 0, 1) - 0.5 * np.trace(alpha) * np.eye(3)[:, :, None]


def _alike(first: Float[np.ndarray, "9"], second: Float[np.ndarray, "9"]) -> bool:
    return bool(min(np.abs(first - second).max(), np.abs(first + second).max()) < SAME)


def least_line_length(
    curvature: Float[np.ndarray, "3 d n"], turns: Float[np.ndarray, "4 n"], kinds: Float[np.ndarray, "3 3 m"]
) -> Float[np.ndarray, " n"]:
    """Least Σ|ρ_s| for the curvature that is known, in sample axes; NaN where a part of that is missing."""
    d = curvature.shape[1]
    wanted = curvature.reshape(3 * d, -1)
    length = np.where(np.isfinite(wanted).all(axis=0), 0.0, np.nan)
    size = np.linalg.norm(wanted, axis=0)
    places = np.flatnonzero(size > 0)
    for start in range(0, places.size, CHUNK):
        part = places[start : start + CHUNK]
        g = rotation_matrices(turns[:, part] / np.linalg.norm(turns[:, part], axis=0))
        columns = np.einsum("ajn,abs,bkn->jksn", g, kinds, g[:, :d], optimize=True).reshape(3 * d, -1, part.size)
        length[part] = size[part] * _least(columns, wanted[:, part] / size[part])
    return length


def _least(columns: Float[np.ndarray, "r m n"], wanted: Float[np.ndarray, "r n"]) -> Float[np.ndarray, " n"]:
    """Least Σ|x| such that columns · x = wanted: the bound that feasible multipliers prove."""
    inverse = _first_basis(columns, wanted)
    nudged = wanted + NUDGE * np.random.default_rng(0).uniform(0.5, 1.0, wanted.shape)
    amount = np.einsum("irn,rn->in", inverse, nudged)
    signs = np.where(amount < 0, -1.0, 1.0)
    inverse, amount = inverse * signs[:, None], amount * signs
    bound, where = np.zeros(wanted.shape[1]), np.arange(wanted.shape[1])
    for _ in range(MOST):
        y = inverse.sum(axis=0)
        slopes = np.einsum("rmn,rn->mn", columns, y)
        entering = np.abs(slopes).argmax(axis=0)
        steepest = np.take_along_axis(slopes, entering[None], axis=0)[0]
        worst = np.maximum(np.abs(steepest), 1.0)
        bound[where] = np.maximum(bound[where], np.sum(wanted * y, axis=0) / worst)
        open_ = np.flatnonzero(worst > 1 + GAP)
        if open_.size == 0:
            return bound
        where, wanted, columns = where[open_], wanted[:, open_], columns[..., open_]
        new = np.take_along_axis(columns, entering[open_][None, None], axis=1)[:, 0] * np.sign(steepest[open_])
        inverse, amount = _step(inverse[..., open_], amount[:, open_], new)
    raise SolveError(f"The least line length was not found within {MOST} steps at {where.size} points. Use method='norm' there.")


def _first_basis(columns: Float[np.ndarray, "r m n"], wanted: Float[np.ndarray, "r n"]) -> Float[np.ndarray, "r r n"]:
    """The inverse of independent columns, each the one that tells most of what the earlier ones leave of the curvature."""
    rest, left = columns.copy(), wanted.copy()
    chosen = []
    for _ in range(columns.shape[0]):
        size = np.sqrt(np.einsum("rmn,rmn->mn", rest, rest))
        told = np.abs(np.einsum("rmn,rn->mn", rest, left)) + SPREAD * size**2
        best = (told / np.maximum(size, PIVOT)).argmax(axis=0)
        unit = np.take_along_axis(rest, best[None, None], axis=1)[:, 0]
        unit = unit / np.linalg.norm(unit, axis=0)
        rest -= unit[:, None] * np.einsum("rmn,rn->mn", rest, unit)
        left -= unit * np.sum(left * unit, axis=0)
        chosen.append(best)
    basis = np.take_along_axis(columns, np.stack(chosen)[None], axis=1)
    return np.moveaxis(np.linalg.inv(np.moveaxis(basis, 2, 0)), 0, 2)


def _step(
    inverse: Float[np.ndarray, "r r n"], amount: Float[np.ndarray, "r n"], new: Float[np.ndarray, "r n"]
) -> tuple[Float[np.ndarray, "r r n"], Float[np.ndarray, "r n"]]:
    """The new column enters the basis with as much as takes the first other one to zero."""
    change = np.einsum("irn,rn->in", inverse, new)
    ratio = np.where(change > PIVOT, amount / np.where(change > PIVOT, change, 1.0), np.inf)
    leaving, points = ratio.argmin(axis=0), np.arange(new.shape[1])
    row, much = inverse[leaving, :, points].T / change[leaving, points], ratio[leaving, points]
    inverse = inverse - change[:, None] * row
    amount = np.maximum(amount - change * much, 0.0)
    inverse[leaving, :, points], amount[leaving, points] = row.T, much
    return inverse, amount
