"""Named material constants with unit and source, and the reading of constants that users pass."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxmicro._core import as_float_array, check, is_concrete, nearest_name
from jaxmicro.materials.stiffness import cubic_stiffness, hexagonal_stiffness, isotropic_stiffness, orthotropic_stiffness


class MixedUnitsWarning(UserWarning):
    """The constants of the phases look as if they were given in different units."""


class Constants:
    """Constants of one material. Plain data on the host: equality and hash go by value.

    Attributes:
        name: what it is called.
        stiffness: (6, 6) in Mandel notation in the crystal frame, or None.
        conductivity: scalar, or (3, 3) in the crystal frame ((2, 2) in the sample frame of a 2D grid), or None.
        symmetry: `"isotropic"`, `"cubic"`, `"hexagonal"`, `"orthotropic"` or `"triclinic"`.
        unit: unit of the stiffness, empty where the user did not say.
        source: where the numbers come from.
    """

    __slots__ = ("conductivity", "name", "source", "stiffness", "symmetry", "unit")

    def __init__(
        self, name: str, stiffness: Float[np.ndarray, "6 6"] | None = None, conductivity: float | np.ndarray | None = None,
        symmetry: str = "isotropic", unit: str = "", source: str = "",
    ):  # fmt: skip
        self.name, self.symmetry, self.unit, self.source = name, symmetry, unit, source
        self.stiffness = None if stiffness is None else np.asarray(stiffness, dtype=float)
        self.conductivity = conductivity

    def _key(self) -> tuple[Any, ...]:
        stiffness = None if self.stiffness is None else self.stiffness.tobytes()
        conductivity = None if self.conductivity is None else np.asarray(self.conductivity, float).tobytes()
        return (self.name, stiffness, conductivity, self.symmetry, self.unit, self.source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constants) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        parts = [repr(self.name), self.symmetry]
        if self.stiffness is not None:
            parts.append(f"C11 = {self.stiffness[0, 0]:g} {self.unit}".rstrip())
        if self.conductivity is not None:
            parts.append(f"k = {self.conductivity}")
        return f"Constants({', '.join(parts)})"


# Room temperature, GPa. Crystals: (c11, c12, c44), hexagonal (c11, c12, c13, c33, c44), orthotropic in the order of
# `orthotropic_stiffness`; isotropic: (young, poisson).
_TABLE: dict[str, tuple[str, tuple[float, ...], str]] = {
    "IN625": ("cubic", (243.9, 157.0, 117.9), "Wang et al., Mater. Sci. Eng. A 674 (2016) 406, doi:10.1016/j.msea.2016.08.010"),
    "Ni": ("cubic", (251.0, 150.0, 123.7), "Alers, J. Phys. Chem. Solids 13 (1960) 40, doi:10.1016/0022-3697(60)90125-6"),
    "Cu": ("cubic", (168.9, 121.8, 75.8), "Overton & Gaffney, Phys. Rev. 98 (1955) 969, doi:10.1103/PhysRev.98.969"),
    "Al": ("cubic", (106.9, 60.5, 28.4), "Kamm & Alers, J. Appl. Phys. 35 (1964) 327, doi:10.1063/1.1713309"),
    "Ag": ("cubic", (124.1, 93.7, 46.4), "Neighbours & Alers, Phys. Rev. 111 (1958) 707, doi:10.1103/PhysRev.111.707"),
    "Au": ("cubic", (192.7, 163.2, 42.2), "Neighbours & Alers, Phys. Rev. 111 (1958) 707, doi:10.1103/PhysRev.111.707"),
    "Fe": ("cubic", (232.2, 136.4, 117.0), "Dever, J. Appl. Phys. 43 (1972) 3293, doi:10.1063/1.1661710"),
    "martensite": ("cubic", (267.9, 110.8, 78.9), "Kim & Johnson, Mater. Sci. Eng. A 452 (2007) 633, doi:10.1016/j.msea.2006.11.147"),
    "304": ("cubic", (204.6, 137.7, 126.2), "Ledbetter, phys. stat. sol. (a) 85 (1984) 89, doi:10.1002/pssa.2210850111"),
    "316L": ("cubic", (218.3, 144.8, 125.4), "Scherer et al., Mater. Sci. Eng. A 900 (2024) 146471"),
    "W": ("cubic", (524.3, 205.1, 160.7), "Featherston & Neighbours, Phys. Rev. 130 (1963) 1324, doi:10.1103/PhysRev.130.1324"),
    "Ta": (
        "cubic",
        (260.2, 154.4, 82.55),
        "CRC Handbook of Chemistry and Physics, Elastic Constants for Single Crystals",
    ),
    "Si": ("cubic", (165.64, 63.94, 79.51), "Bourgeois et al. (1997), doi:10.1109/freq.1997.639192"),
    "Ti": ("hexagonal", (162.5, 91.8, 68.9, 180.6, 46.8), "Fisher & Renken, Phys. Rev. 135 (1964) A482, doi:10.1103/PhysRev.135.A482"),
    "Mg": ("hexagonal", (59.5, 25.6, 21.5, 61.7, 16.5), "Slutsky & Garland, Phys. Rev. 107 (1957) 972, doi:10.1103/PhysRev.107.972"),
    "Cd": ("hexagonal", (115.7, 39.6, 40.4, 51.2, 20.0), "Garland & Silverman, Phys. Rev. 119 (1960) 1218, doi:10.1103/PhysRev.119.1218"),
    "Zn": (
        "hexagonal",
        (163.68, 36.40, 53.0, 63.47, 38.79),
        "CRC Handbook of Chemistry and Physics, Elastic Constants for Single Crystals",
    ),
    "SiC-6H": ("hexagonal", (501.0, 111.0, 52.0, 553.0, 163.0), "Kamitani et al., J. Appl. Phys. 82 (1997) 3152, doi:10.1063/1.366100"),
    "olivine": (
        "orthotropic",
        (320.5, 196.5, 233.5, 68.15, 71.6, 76.8, 64.0, 77.0, 78.7),
        "Abramson et al., J. Geophys. Res. 102 (1997) 12253, doi:10.1029/97JB00682",
    ),
    "glass fibre": ("isotropic", (71.0, 0.22), "Properties of Selected Fibres, course MY4150, Michigan Tech"),
    "epoxy": ("isotropic", (3.5, 0.33), "Properties of Selected Matrices, course MY4150, Michigan Tech"),
}
_BUILDERS = {
    "cubic": cubic_stiffness,
    "hexagonal": hexagonal_stiffness,
    "orthotropic": orthotropic_stiffness,
    "isotropic": isotropic_stiffness,
}


def names() -> list[str]:
    """All names that `constants` knows.

    Example:
        >>> "IN625" in names()
        True
    """
    return sorted(_TABLE)


def constants(name: str) -> Constants:
    """Constants of a named material, stiffness in GPa at room temperature, with their source.

    Raises:
        KeyError: for an unknown name, with the nearest known one.

    Example:
        >>> constants("IN625").source
        'Wang et al., Mater. Sci. Eng. A 674 (2016) 406, doi:10.1016/j.msea.2016.08.010'
    """
    if name not in _TABLE:
        hint = nearest_name(name, _TABLE)
        raise KeyError(
            f"`name` must be a known material, but it is {name!r}."
            + (f" Did you mean {hint!r}?" if hint else f" Known: {', '.join(names())}.")
        )
    symmetry, values, source = _TABLE[name]
    return Constants(name, _host(_BUILDERS[symmetry], *values), None, symmetry, "GPa", source)


def _host(build: Callable[..., Any], *values: Any) -> np.ndarray:
    """What a builder makes of concrete values, on the host also while something is being traced."""
    with jax.ensure_compile_time_eval():
        return np.asarray(build(*values), dtype=float)


_KEYS = {
    "isotropic": ("young", "poisson"),
    "cubic": ("c11", "c12", "c44"),
    "hexagonal": ("c11", "c12", "c13", "c33", "c44"),
    "orthotropic": ("c11", "c22", "c33", "c12", "c13", "c23", "c44", "c55", "c66"),
}


CONSTANT_NAMES = frozenset(key for wanted in _KEYS.values() for key in wanted) | {"bulk", "shear", "stiffness", "conductivity", "unit", "source", "name"}  # fmt: skip


def as_constants(value: Any, label: str = "phase") -> Constants:
    """Read what a user may pass for one phase.

    Args:
        value: `Constants`; a name; a mapping with `young` and `poisson`, or `bulk` and `shear`, or crystal constants
            (`c11`, `c12`, `c44`, …), or `stiffness` (a name, or (6, 6) in Mandel notation), and optionally `conductivity`, `unit`, `source`;
            a (6, 6) array.
        label: how the phase is called in errors.

    Raises:
        ValueError: for unknown or incomplete keys.
        TypeError: for values that are being traced: constants are plain data. `assign_stiffness` and `effective_stiffness`
            are the way to a derivative with respect to constants.

    Example:
        >>> as_constants({"stiffness": "Cu", "conductivity": 401.0}).conductivity
        401.0
    """
    if isinstance(value, Constants):
        return value
    if isinstance(value, str):
        return constants(value)
    _check_plain(value, label)
    if isinstance(value, Mapping):
        return _from_mapping(dict(value), label)
    array = _host(as_float_array, f"materials[{label}]", value)
    check(array.shape == (6, 6), f"`materials[{label}]` must be a name, a mapping or a (6, 6) stiffness, but its shape is {array.shape}.")
    return Constants(str(label), array, None, "triclinic")


def _check_plain(value: Any, label: str) -> None:
    traced = [str(key) for key, entry in value.items() if not is_concrete(entry)] if isinstance(value, Mapping) else []
    check(
        is_concrete(value),
        f"`materials[{label}]` must hold plain numbers, but {' and '.join(map(repr, traced)) or 'it'} is being traced (jit, grad or vmap). "
        "For derivatives with respect to constants do effective_stiffness(assign_stiffness(microstructure, [isotropic_stiffness(…), …]), grid) "
        "(or assign_conductivity and effective_conductivity) instead.",
        TypeError,
    )


def _from_mapping(given: dict[str, Any], label: str) -> Constants:
    texts = {key: str(given.pop(key, "")) for key in ("unit", "source", "name")}
    conductivity = given.pop("conductivity", None)
    if conductivity is not None:
        conductivity = float(conductivity) if np.ndim(conductivity) == 0 else np.asarray(conductivity, float)
    keys = set(given)
    stiffness, symmetry = None, "isotropic"
    if keys == {"stiffness"}:
        base = as_constants(given["stiffness"], f"{label}]['stiffness'")
        stiffness, symmetry = base.stiffness, base.symmetry
        texts = {key: text or getattr(base, key) for key, text in texts.items()}
    elif keys == {"bulk", "shear"}:
        k, g = float(given["bulk"]), float(given["shear"])
        stiffness = _host(isotropic_stiffness, 9 * k * g / (3 * k + g), (3 * k - 2 * g) / (2 * (3 * k + g)))
    elif keys:
        symmetry = next((name for name, wanted in _KEYS.items() if keys == set(wanted)), "")
        _check_known(symmetry, keys, label)
        stiffness = _host(_BUILDERS[symmetry], *(float(given[key]) for key in _KEYS[symmetry]))
    check(
        stiffness is not None or conductivity is not None,
        f"`materials[{label}]` must give elastic constants or a conductivity, but it is empty.",
    )
    return Constants(texts["name"] or str(label), stiffness, conductivity, symmetry, texts["unit"], texts["source"])


def _check_known(symmetry: str, keys: set[str], label: str) -> None:
    if symmetry:
        return
    known = sorted(CONSTANT_NAMES)
    for key in sorted(keys):
        if key not in known:
            hint = nearest_name(key, known)
            raise ValueError(
                f"`materials[{label}]` has the unknown key {key!r}."
                + (f" Did you mean {hint!r}?" if hint else f" Known: {', '.join(known)}.")
            )
    sets = "; ".join(", ".join(wanted) for wanted in _KEYS.values())
    raise ValueError(f"`materials[{label}]` must hold one complete set of constants ({sets}; bulk, shear), but it holds {sorted(keys)}.")


def warn_about_units(phases: Sequence[Constants]) -> None:
    """Warn where the stiffnesses of the phases look as if they were in different units (GPa beside Pa).

    No solid is stiffer than about 1300 GPa, so a value beyond 2000 beside a named material in GPa is in another unit; and
    real solids differ by less than 10⁶ in stiffness. Zero (a void) is exempt.
    """
    stiff = {p.name: float(np.max(np.abs(np.diagonal(p.stiffness)))) for p in phases if p.stiffness is not None}
    positive = {name: value for name, value in stiff.items() if value > 0}
    if len(positive) < 2:
        return
    soft, hard = min(positive, key=positive.__getitem__), max(positive, key=positive.__getitem__)
    named = any(p.unit == "GPa" for p in phases)
    units = {p.unit for p in phases if p.unit}
    suspicious = positive[hard] / positive[soft] >= 1e6 or (named and positive[hard] > 2000) or len(units) > 1
    if suspicious:
        warnings.warn(
            f"The constants look like mixed units: {soft!r} has a stiffness of {positive[soft]:g} and {hard!r} of {positive[hard]:g}. "
            "Give all phases in one unit (named materials are in GPa).",
            MixedUnitsWarning,
            stacklevel=3,
        )
