"""Composite voxels against plain ones: errors of effective tensors, their orders, and why `finite_element` gains little.

Cells of known effective tensor (inclusion_references.py, the layer formula): a disc and a sphere of volume fraction 0.3 and
layers across oblique directions, phases of Poisson's ratio 0.3. Voxels are `plain` (the phase at the centre), `composite` (the
laminate of the voxel's exact fractions), `wide` (fractions of windows of two voxels), or `sampled` (composite from 4 sub-voxels
per axis, normals included). Errors are the largest of an entry over the largest entry of the tensor. The effective tensor does
not depend on where the inclusion lies; the errors of plain voxels do, and in the middle of the cell they are luckily small on
some grids, so cells with the inclusion off the middle are measured, too.

    python benchmarks/composite_voxels.py [--only GROUP] [--plot]

Results: benchmarks/results/composite_voxels.json and composite_voxels.png.
"""

import argparse
import functools
import itertools
import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm
from jaxmicro.homogenization import composite_conductivity, composite_stiffness
from jaxmicro.materials import isotropic_stiffness
from jaxmicro.microstructures import disc, interface_from_fractions, interface_of_layers, interface_of_spheres, laminate, sphere

RESULTS = Path(__file__).parent / "results"
SCHEMES = ("rotated", "finite_element", "fourier")
VOXELS = ("plain", "composite", "wide", "sampled")
FRACTION = 0.3
SIZES = {2: (16, 32, 64, 128, 256), 3: (8, 16, 32)}
PLAIN_SIZES = {2: (16, 32, 64, 128, 256), 3: (8, 16, 32, 64, 128)}
RTOL = 1e-5
MIDDLE, OFF = (0.5, 0.5, 0.5), (0.513, 0.47, 0.521)


class Cell(NamedTuple):
    """A cell with a known answer.

    Attributes:
        name: of the cell.
        dim: 2 or 3.
        physics: "elasticity" or "conduction".
        contrast: of phase 1 over phase 0, which is 1.
        direction: of layers, or None for an inclusion.
        centre: of the inclusion.
        exact: the effective tensor.
        known_to: relative error of it, as far as that is known.
    """

    name: str
    dim: int
    physics: str
    contrast: float
    direction: tuple[int, ...] | None
    centre: tuple[float, ...]
    exact: np.ndarray
    known_to: float


def phase(dim: int, physics: str, modulus: float) -> np.ndarray:
    """The tensor of a phase."""
    return modulus * np.asarray(np.eye(dim) if physics == "conduction" else isotropic_stiffness(1.0, 0.3, dim=dim))


def inclusion_cell(dim: int, physics: str, contrast: float, centre: tuple[float, ...] = MIDDLE) -> Cell:
    """A disc or sphere."""
    import inclusion_references as references

    radius = (FRACTION / (np.pi if dim == 2 else 4 / 3 * np.pi)) ** (1 / dim)
    degrees = (16, 14) if dim == 2 else (8, 7)
    phases = [phase(dim, physics, modulus) for modulus in (1.0, contrast)]
    if physics == "elasticity":
        exact, coarser = (references.inclusion_stiffness(dim, radius, phases, degree) for degree in degrees)
    else:
        exact, coarser = (references.inclusion_conductivity(dim, radius, (1.0, contrast), degree) * np.eye(dim) for degree in degrees)
        if dim == 2:
            coarser = references.rayleigh_conductivity(radius, (1.0, contrast)) * np.eye(2)
    name = f"{'disc' if dim == 2 else 'sphere'}, {physics}, {contrast:g}" + ("" if centre == MIDDLE else ", off the middle")
    return Cell(name, dim, physics, contrast, None, centre[:dim], exact, float(np.abs(exact - coarser).max() / np.abs(exact).max()))


def layered_cell(direction: tuple[int, ...], contrast: float) -> Cell:
    """Two layers of equal share across an oblique direction."""
    dim = len(direction)
    normal = jnp.broadcast_to(jnp.asarray(direction, float).reshape(dim, *(1,) * dim), (dim, *(1,) * dim))
    phases = [phase(dim, "elasticity", modulus) for modulus in (1.0, contrast)]
    exact = composite_stiffness(jnp.full((1,) * dim, 0.5), normal, *phases)
    exact = np.asarray(exact)[(..., *(0,) * dim)]
    return Cell(f"layers {direction}, elasticity, {contrast:g}", dim, "elasticity", contrast, direction, MIDDLE, exact, 1e-14)


def material(cell: Cell, size: int, voxels: str) -> tuple[jm.Grid, Any]:
    """The grid of a cell and the field of its tensors."""
    grid = jm.Grid((size,) * cell.dim, (1.0,) * cell.dim)
    phases = [phase(cell.dim, cell.physics, modulus) for modulus in (1.0, cell.contrast)]
    if voxels == "plain":
        inside = np.asarray(_drawn(cell, grid))
        return grid, np.stack(phases, -1)[..., inside.astype(int)]
    if voxels == "sampled":
        fine = jm.Grid((4 * size,) * cell.dim, (1.0,) * cell.dim)
        interface = interface_from_fractions(_drawn(cell, fine), grid)
    elif cell.direction is None:
        radius = (FRACTION / (np.pi if cell.dim == 2 else 4 / 3 * np.pi)) ** (1 / cell.dim)
        interface = interface_of_spheres(
            grid, np.array(cell.centre)[:, None], np.array([radius]), parts=8, width=2.0 if voxels == "wide" else 1.0
        )
    else:
        interface = interface_of_layers(grid, 0.5, cell.direction, width=2.0 if voxels == "wide" else 1.0)
    rule = composite_conductivity if cell.physics == "conduction" else composite_stiffness
    return grid, rule(*interface, *phases)


def _drawn(cell: Cell, grid: jm.Grid) -> np.ndarray:
    """Phase 1 at the centres of the voxels, as 0 and 1."""
    if cell.direction is not None:
        return np.asarray(laminate(grid, (0.5, 0.5), normal=cell.direction).labels, float)
    return np.asarray((disc if cell.dim == 2 else sphere)(grid, FRACTION, centre=cell.centre).labels, float)


def measure(cell: Cell, voxels: str, scheme: str) -> list[dict[str, Any]]:
    """Errors over the sizes."""
    rows = []
    question = jm.effective_conductivity if cell.physics == "conduction" else jm.effective_stiffness
    for size in (PLAIN_SIZES if voxels == "plain" else SIZES)[cell.dim]:
        grid, field = material(cell, size, voxels)
        found = question(field, grid, discretization=scheme, rtol=RTOL, preconditioner="green", max_steps=5000, throw=False)
        error = float(np.abs(np.asarray(found.tensor) - cell.exact).max() / np.abs(cell.exact).max())
        signed = float((found.tensor[0, 0] - cell.exact[0, 0]) / np.abs(cell.exact).max())
        rows.append({
            "cell": cell.name, "voxels": voxels, "scheme": scheme, "voxels_per_edge": size, "error": error, "signed_error_11": signed,
            "status": int(found.status), "steps": int(np.max(np.asarray(found.steps))),
        })  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return rows


def cells() -> dict[str, list[Callable[[], Cell]]]:
    """All cells by group, made when they are needed."""
    make = functools.partial
    return {
        "disc": [make(inclusion_cell, 2, "elasticity", contrast) for contrast in (10.0, 100.0, 1000.0, 0.1, 0.0)]
        + [make(inclusion_cell, 2, "elasticity", contrast, OFF) for contrast in (10.0, 1000.0)],
        "conduction": [make(inclusion_cell, 2, "conduction", contrast) for contrast in (10.0, 1000.0, 0.0)]
        + [make(inclusion_cell, 2, "conduction", 10.0, OFF)],
        "layers": [make(layered_cell, (2, 1), contrast) for contrast in (10.0, 1000.0, 0.0)]
        + [make(layered_cell, (3, 2), 10.0), make(layered_cell, (2, 1, 1), 10.0)],
        "sphere": [make(inclusion_cell, 3, physics, 10.0) for physics in ("elasticity", "conduction")]
        + [make(inclusion_cell, 3, "elasticity", 10.0, OFF)],
    }


def runs(group: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All rows of a group, and how well its references are known."""
    rows, references = [], {}
    for make in cells()[group]:
        cell = make()
        references[cell.name] = {"tensor": cell.exact.tolist(), "known_to": cell.known_to}
        print(cell.name, cell.known_to, flush=True)
        for voxels, scheme in itertools.product(VOXELS, SCHEMES):
            if (scheme == "fourier" and cell.contrast == 0.0) or (voxels == "sampled" and scheme == "finite_element"):
                continue
            rows += measure(cell, voxels, scheme)
    return rows, references


def orders(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Powers of the number of voxels per edge with which errors fall: fitted over all sizes, and over the last two."""
    found = {}
    keys = dict.fromkeys((r["cell"], r["voxels"], r["scheme"]) for r in rows)
    for key in keys:
        chosen = [r for r in rows if (r["cell"], r["voxels"], r["scheme"]) == key and r["status"] == 0]
        if len(chosen) > 1:
            sizes, errors = (np.log([max(r[name], 1e-16) for r in chosen]) for name in ("voxels_per_edge", "error"))
            fits = {"fitted": np.polyfit(sizes, errors, 1)[0], "last": np.diff(errors)[-1] / np.diff(sizes)[-1]}
            found[" | ".join(key)] = {name: round(-float(value), 2) for name, value in fits.items()}
    return found


def result_file(content: dict[str, Any]) -> dict[str, Any]:
    """What was measured, with versions and machine."""
    return {
        "benchmark": "composite_voxels",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy", "scipy")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "backend": jax.default_backend()},
        **content,
    }


PANELS = {
    "disc, elasticity, 10, off the middle": "disc, elasticity, contrast 10",
    "sphere, elasticity, 10, off the middle": "sphere, elasticity, contrast 10",
    "layers (2, 1), elasticity, 10": "layers across (2, 1), elasticity, contrast 10",
    "disc, conduction, 10, off the middle": "disc, conduction, contrast 10",
    "disc, elasticity, 1000, off the middle": "disc, elasticity, contrast 1000",
    "disc, elasticity, 0": "hole, elasticity",
}
CURVES = {
    ("plain", "finite_element"): "plain, finite_element",
    ("plain", "rotated"): "plain, rotated",
    ("composite", "finite_element"): "composite, finite_element",
    ("composite", "rotated"): "composite, rotated",
    ("composite", "fourier"): "composite, fourier",
    ("wide", "rotated"): "composite over 2 voxels, rotated",
    ("wide", "fourier"): "composite over 2 voxels, fourier",
}


def plot(rows: list[dict[str, Any]]) -> None:
    """The figure, from the rows of the file; solves that did not converge are left out."""
    from jaxmicro.plotting import grid_convergence, save

    panels: dict[str, dict[str, Any]] = {}
    for (cell, title), (key, label) in itertools.product(PANELS.items(), CURVES.items()):
        chosen = [r for r in rows if r["cell"] == cell and (r["voxels"], r["scheme"]) == key and r["status"] == 0]
        if chosen:
            panels.setdefault(title, {})[label] = ([r["voxels_per_edge"] for r in chosen], [r["error"] for r in chosen])
    save(grid_convergence(panels, name="relative error of the tensor"), RESULTS / "composite_voxels.png", dpi=110)


def targets(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Composite voxels with `rotated` on a coarse grid against plain ones on a grid four times as fine."""
    found = {}
    names = dict.fromkeys(r["cell"] for r in rows if r["cell"].startswith(("disc", "sphere")) and r["cell"].split(", ")[2] == "10")
    for cell in names:
        coarse, fine = (64, 256) if "disc" in cell else (32, 128)
        errors = {(r["voxels"], r["scheme"], r["voxels_per_edge"]): r["error"] for r in rows if r["cell"] == cell}
        found[cell] = {f"plain {scheme} {fine}": errors["plain", scheme, fine] for scheme in SCHEMES}
        found[cell] |= {f"{voxels} rotated {coarse}": errors[voxels, "rotated", coarse] for voxels in VOXELS[1:]}
    return found


def main() -> None:
    """Measure what is asked for, keep the rest of the file, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*cells(), "reasons"], action="append", help="groups to measure; all by default")
    parser.add_argument("--plot", action="store_true", help="only draw the figure from the file")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    jax.config.update("jax_enable_x64", True)
    path = RESULTS / "composite_voxels.json"
    stored = json.loads(path.read_text()) if path.exists() else {"references": {}, "rows": [], "reasons": []}
    for group in [] if options.plot else (options.only or [*cells(), "reasons"]):
        if group == "reasons":
            from composite_reasons import reasons

            stored["reasons"] = reasons((FRACTION / np.pi) ** 0.5)
        else:
            rows, references = runs(group)
            stored["rows"] = [r for r in stored["rows"] if r["cell"] not in references] + rows
            stored["references"] |= references
        content = {"targets": targets(stored["rows"]), "orders": orders(stored["rows"])}
        stored = result_file(content | {key: stored[key] for key in ("references", "rows", "reasons")})
        RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(stored, indent=1) + "\n")
    plot(stored["rows"])
    print(json.dumps(stored["targets"], indent=2))


if __name__ == "__main__":
    main()
