"""What a homogenization returns: value, status, steps, residual."""

import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import Status, is_concrete, record, static


@record
class EffectiveResult:
    """The effective tensor of a cell and how its solves ended; a pytree.

    Attributes:
        tensor: effective stiffness (m, m) in Mandel notation, or effective conductivity (d, d); with leading batch.
        status: worst `Status` code of the load cases; 0 is converged.
        steps: conjugate-gradient steps per load case, (load,).
        residual: true preconditioned residual per load case relative to that of a zero start, (load,).
        tensor_error: estimated absolute error of the tensor that the iteration and rounding leave, (m, m), in its unit; that of
            the discretisation is not in it.
        strain: strain (or potential gradient) under each unit load, (load, m, *grid), voxel means, if asked for.
        stress: stress (or flux) under each unit load, (load, m, *grid), voxel means, if asked for.
        energy_density: energy per volume of each voxel under each unit load, (load, *grid), if asked for; its mean is half the
            diagonal of the tensor.
        displacement: periodic displacement (or potential) at the nodes under each unit load, (load, component, *grid), if asked
            for; a `start` for similar cells.
        discretization: which scheme ran.
    """

    tensor: Float[Array, "*batch m m"]
    status: Int[Array, "*batch"]
    steps: Int[Array, "*batch load"]
    residual: Float[Array, "*batch load"]
    tensor_error: Float[Array, "*batch m m"]
    strain: Float[Array, "..."] | None = None
    stress: Float[Array, "..."] | None = None
    energy_density: Float[Array, "..."] | None = None
    displacement: Float[Array, "..."] | None = None
    discretization: str = static(default="finite_element")

    def __str__(self) -> str:
        if not is_concrete(self.tensor, self.status):
            return repr(self)
        code = Status(int(np.max(self.status)))
        lines = [f"effective tensor ({self.discretization}, {code.name.lower()}, steps {np.asarray(self.steps).tolist()})"]
        lines.append(np.array2string(np.asarray(self.tensor), precision=5, suppress_small=True))
        return "\n".join(lines)
