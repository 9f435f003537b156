"""What a material answers: stress from strain, with named constants and their sources.

In:  engineering or crystal constants; strains in Mandel notation.
Out: stiffness tensors; linear laws (`Tensor`, `Isotropic`, `Phases`, `Crystals`, `Scalar`) that share one protocol (see laws.py);
     `constants(name)` with unit and source.
Add one: a law is one file with the protocol of laws.py, one export line here and one row in tests/materials/test_laws.py;
     a named material is one row in constants.py.
"""

from jaxmicro.materials.constants import Constants, MixedUnitsWarning, as_constants, constants, names
from jaxmicro.materials.crystals import Crystals
from jaxmicro.materials.definiteness import is_definite, is_semidefinite
from jaxmicro.materials.embedded import embedded_stiffness
from jaxmicro.materials.laws import Faults, Isotropic, Phases, Scalar, Tensor
from jaxmicro.materials.stiffness import (
    cubic_stiffness,
    hexagonal_stiffness,
    isotropic_stiffness,
    lame_stiffness,
    orthotropic_stiffness,
    plane_stiffness,
)

__all__ = [
    "Constants",
    "Crystals",
    "Faults",
    "Isotropic",
    "MixedUnitsWarning",
    "Phases",
    "Scalar",
    "Tensor",
    "as_constants",
    "constants",
    "cubic_stiffness",
    "embedded_stiffness",
    "hexagonal_stiffness",
    "is_definite",
    "is_semidefinite",
    "isotropic_stiffness",
    "lame_stiffness",
    "names",
    "orthotropic_stiffness",
    "plane_stiffness",
]
