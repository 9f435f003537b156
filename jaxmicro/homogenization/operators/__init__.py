"""Discretisations of the cell problem behind one contract.

In:  a linear law (strain to stress, point by point), a displacement as a tuple of component fields, voxel edge lengths.
Out: an `Operator` with `force(law, u, …)` (the operator K and the load in one kernel), `strain(u)`, and `symbol`, its
     Fourier symbol for a homogeneous medium.
Add one: one file with a subclass of `Operator`, one row in `OPERATORS`, one row in tests/homogenization/test_operators.py.
"""

from jaxmicro._core import check_choice
from jaxmicro.fields import Kinematics
from jaxmicro.homogenization.operators.box_element import BoxElement
from jaxmicro.homogenization.operators.contract import Operator
from jaxmicro.homogenization.operators.finite_volume import FiniteVolume
from jaxmicro.homogenization.operators.trigonometric import Trigonometric

OPERATORS = {
    "finite_element": lambda kinematics: BoxElement(kinematics, full=True),
    "rotated": lambda kinematics: BoxElement(kinematics, full=False),
    "fourier": Trigonometric,
    "finite_volume": FiniteVolume,
}


def make_operator(discretization: str, kinematics: Kinematics) -> Operator:
    """The operator of a discretisation's name."""
    check_choice("discretization", discretization, OPERATORS)
    return OPERATORS[discretization](kinematics)


__all__ = ["OPERATORS", "BoxElement", "FiniteVolume", "Operator", "Trigonometric", "make_operator"]
