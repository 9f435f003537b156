"""Input of DAMASK 3: a grid (.vti) that numbers the crystals, and material.yaml that lists them.

DAMASK's quaternions. Both libraries describe the passive rotation g from sample to crystal, Bunge angles (φ1, Φ, φ2). With
σ = (φ1 + φ2)/2, δ = (φ1 − φ2)/2, c = cos Φ/2, s = sin Φ/2 the quaternion of g is, in the notation of Rowenhorst et al. (2015),

    q = (c cos σ, −P s cos δ, −P s sin δ, −P c sin σ).

This library has P = +1, DAMASK has P = −1, so that the vector parts differ in sign: q_DAMASK = conjugate(q). Both stand for
one matrix g, since matrices are read from quaternions with the same P. By hand: (φ1, Φ, φ2) = (90°, 0, 0) is
(√½, 0, 0, −√½) here and (√½, 0, 0, +√½) there; its g takes the sample's y to the crystal's x in both. DAMASK also wants a
scalar part that is not negative. Its hexagonal crystals have x ∥ a, as those here.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check, is_concrete
from jaxmicro.io.atomic import as_path, check_positive, write_atomically
from jaxmicro.io.crystallites import Crystallites, check_measured, crystallites
from jaxmicro.io.problems import warn_if_blurred
from jaxmicro.io.vti import in_space
from jaxmicro.io.vtk_image import write_image
from jaxmicro.materials import constants
from jaxmicro.microstructures import Microstructure, Phase

GRID, MATERIAL = "grid.vti", "material.yaml"
PASCAL = {"GPa": 1e9, "MPa": 1e6, "Pa": 1.0}
LATTICES = {  # of DAMASK, with its independent elastic constants and their places in the stiffness
    "cF": {"C_11": (0, 0), "C_12": (0, 1), "C_44": (3, 3)},
    "cI": {"C_11": (0, 0), "C_12": (0, 1), "C_44": (3, 3)},
    "hP": {"C_11": (0, 0), "C_12": (0, 1), "C_13": (0, 2), "C_33": (2, 2), "C_44": (3, 3)},
    "tI": {"C_11": (0, 0), "C_12": (0, 1), "C_13": (0, 2), "C_33": (2, 2), "C_44": (3, 3), "C_66": (5, 5)},
}
BY_LAUE = {"6/mmm": "hP", "4/mmm": "tI"}
FACE_CENTRED = ("nickel", "ni", "copper", "cu", "aluminium", "aluminum", "al", "silver", "ag", "gold", "au", "austenite")
BODY_CENTRED = ("ferrite", "tungsten", "w", "tantalum", "ta")


def write_damask(
    folder: str | Path,
    ms: Microstructure,
    *,
    lattices: Mapping[str, str] | None = None,
    elastic: Mapping[str, Any] | None = None,
    metres: float = 1e-6,
) -> None:
    """Write a microstructure as `grid.vti` and `material.yaml` for DAMASK 3; files of these names are replaced.

    One material per grain where there is a map `grain` (its mean orientation), else one per distinct pair of phase and
    orientation. The plasticity of the phases is left for the user to add.

    Args:
        folder: an existing folder.
        ms: labels, `orientation` `(4, *grid)`, every voxel measured; a map becomes one voxel thick.
        lattices: phase name to "cF", "cI", "hP" or "tI"; where it is not given it follows from the Laue group, and for cubic
            crystals from the name of a metal.
        elastic: phase name to `{"C_11": …}` in Pa, or to the name of a material of `materials.constants`.
        metres: metres in one unit of length of the microstructure; by default lengths are in µm.

    Raises:
        ValueError: if a lattice is unknown, a voxel was not measured, or constants are missing.
        FileNotFoundError: if the folder does not exist.

    Warns:
        DataWarning: where phase fractions were sharpened, since a grid holds labels.

    Reference:
        D. Rowenhorst et al., "Consistent representations of and conversions between 3D rotations", Modelling Simul.
        Mater. Sci. Eng. 23, 083501 (2015), doi:10.1088/0965-0393/23/8/083501; F. Roters et al., "DAMASK", Comput. Mater.
        Sci. 158, 420 (2019), doi:10.1016/j.commatsci.2018.04.030.

    Example:
        >>> import tempfile
        >>> from jaxmicro.microstructures import Phase
        >>> ms = Microstructure(labels=np.zeros((2, 2), int), phases=[Phase("Nickel", "m-3m")])
        >>> write_damask(tempfile.mkdtemp(), ms, elastic={"Nickel": "Ni"})

    Nothing here is differentiable.
    """
    folder = as_path(folder)
    check(isinstance(ms, Microstructure), f"`ms` must be a Microstructure, but it is a {type(ms).__name__}.", TypeError)
    check(is_concrete(ms), "The microstructure is traced, so it has no values to write. Write outside jit, vmap and grad.", TypeError)
    check_positive("metres", metres, "Write metres=1e-6 for lengths in µm.")
    check_measured(ms, "A DAMASK grid")
    warn_if_blurred(ms)
    _check_names(ms.phases, "lattices", lattices or {})
    _check_names(ms.phases, "elastic", elastic or {})
    crystals = crystallites(ms)
    used = [ms.phases[label] for label in np.unique(crystals.phase)]
    text = _material(ms.phases, used, crystals, dict(lattices or {}), dict(elastic or {}))
    spacing = [metres * edge for edge in in_space(np.asarray(ms.grid.spacing, float))]

    def save_grid(stream: BinaryIO) -> None:
        write_image(stream, ms.grid.shape, spacing, {"material": crystals.index.astype(np.int32)})

    def save_material(stream: BinaryIO) -> None:
        stream.write(text.encode())

    write_atomically(folder / MATERIAL, save_material)
    write_atomically(folder / GRID, save_grid)


def _check_names(phases: Sequence[Phase], argument: str, given: Mapping[str, Any]) -> None:
    names = [phase.name for phase in phases]
    check(len(set(names)) == len(names), f"Phases must have different names in material.yaml, but they are {names}. Rename them.")
    unknown = [name for name in given if name not in names]
    check(not unknown, f"`{argument}` must name phases of the microstructure ({', '.join(names)}), but it names {unknown}.")


def _material(
    phases: Sequence[Phase], used: Sequence[Phase], crystals: Crystallites, lattices: dict[str, str], elastic: dict[str, Any]
) -> str:
    lines = ["homogenization:", "  SX:", "    N_constituents: 1", "    mechanical: {type: pass}", "", "phase:"]
    for phase in used:
        lattice = _lattice(phase, lattices.get(phase.name))
        lines += [f"  {json.dumps(phase.name)}:", f"    lattice: {lattice}", "    mechanical:", "      output: [F, P]"]
        if phase.name in elastic:
            listed = ", ".join(f"{name}: {value:.10e}" for name, value in _elastic(phase.name, lattice, elastic[phase.name]).items())
            lines.append(f"      elastic: {{type: Hooke, {listed}}}")
    lines += ["", "material:"]
    names = [json.dumps(phase.name) for phase in phases]
    for label, q in zip(crystals.phase.tolist(), damask_quaternions(crystals.orientation).T.tolist(), strict=True):
        turn = ", ".join(f"{part:.16f}" for part in q)
        lines += ["  - homogenization: SX", "    constituents:", f"      - {{phase: {names[label]}, v: 1.0, O: [{turn}]}}"]
    return "\n".join(lines) + "\n"


def damask_quaternions(q: np.ndarray) -> np.ndarray:
    """DAMASK's unit quaternions `(4, n)` of those of this library: the conjugates, scalar parts not negative."""
    unit = q / np.linalg.norm(q, axis=0)
    return unit * np.where(unit[0] < 0, -1.0, 1.0) * np.array([1.0, -1.0, -1.0, -1.0])[:, None] + 0.0  # no −0


def _lattice(phase: Phase, given: str | None) -> str:
    if given is not None:
        check(given in LATTICES, f"The lattice of {phase.name!r} must be one of {', '.join(LATTICES)}, but it is {given!r}.")
        return given
    if phase.laue in BY_LAUE:
        return BY_LAUE[phase.laue]
    word = phase.name.strip().lower()
    cubic = phase.laue in ("m-3m", None)
    found = "cF" if cubic and word in FACE_CENTRED else "cI" if cubic and word in BODY_CENTRED else None
    if found is None:
        raise ValueError(
            f"The lattice of {phase.name!r} (Laue group {phase.laue}) is not known. "
            f"Pass lattices={{{phase.name!r}: 'cF'}}; DAMASK knows {', '.join(LATTICES)}."
        )
    return found


def _elastic(name: str, lattice: str, given: Any) -> dict[str, float]:
    """Constants in Pa: as given, or those of a known material."""
    wanted = LATTICES[lattice]
    if isinstance(given, Mapping):
        missing = [each for each in wanted if each not in given]
        check(not missing, f"`elastic` of {name!r} must hold {', '.join(wanted)} (lattice {lattice}), but {missing} are missing.")
        return {each: float(given[each]) for each in wanted}
    known = constants(given)
    check(known.stiffness is not None, f"The material {given!r} must have a stiffness, but it has none. Pass its constants in Pa.")
    check(known.unit in PASCAL, f"The stiffness of {given!r} must have a known unit, but it is {known.unit!r}. Pass constants in Pa.")
    factor = PASCAL[known.unit]
    c = np.asarray(known.stiffness, float)
    return {each: factor * c[i, j] / (2 if i > 2 else 1) for each, (i, j) in wanted.items()}  # Mandel's shears hold a factor 2
