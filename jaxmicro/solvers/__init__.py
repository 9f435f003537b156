"""Iterations that know no material, only callables.

In:  a symmetric positive semi-definite operator and a preconditioner as functions on pytrees.
Out: `conjugate_gradients` with an honest `Outcome`; `refine`, which corrects in a lower precision; `symmetric_solve`, with
     implicit derivatives.
Add one: one file with the iteration on pytrees, one export line, one row in tests/solvers.
"""

from jaxmicro.solvers.conjugate_gradients import conjugate_gradients, tree_dot
from jaxmicro.solvers.implicit import largest, symmetric_solve
from jaxmicro.solvers.refinement import refine
from jaxmicro.solvers.stopping import Outcome, Stopping

__all__ = ["Outcome", "Stopping", "conjugate_gradients", "largest", "refine", "symmetric_solve", "tree_dot"]
