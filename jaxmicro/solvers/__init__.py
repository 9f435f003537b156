"""Iterations that know no material, only callables.

In:  a symmetric positive semi-definite operator and a preconditioner as functions on pytrees.
Out: `conjugate_gradients` with an honest `Outcome`; `symmetric_solve`, the same with implicit derivatives.
Add one: one file with the iteration on pytrees, one export line, one row in tests/solvers.
"""

from jaxmicro.solvers.conjugate_gradients import Outcome, Stopping, conjugate_gradients
from jaxmicro.solvers.implicit import symmetric_solve

__all__ = ["Outcome", "Stopping", "conjugate_gradients", "symmetric_solve"]
