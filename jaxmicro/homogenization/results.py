"""What a homogenization returns: value, status, steps, residual."""

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import Status, check, is_concrete, record, static
from jaxmicro.homogenization.moduli import Moduli, moduli


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
        bounds: guaranteed (lower, upper) tensors of the voxel cell in the Loewner order, if asked for: what no refinement of the
            discretisation passes. The lower one is zero where some voxel has no stiffness.
        discretization_error: estimate of `tensor` less the exact tensor of the voxel cell, (m, m), if asked for.
        discretization: which scheme ran.
        quantity: `"stiffness"` or `"conductivity"`.
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
    bounds: tuple[Float[Array, "*batch m m"], Float[Array, "*batch m m"]] | None = None
    discretization_error: Float[Array, "*batch m m"] | None = None
    discretization: str = static(default="finite_element")
    quantity: str = static(default="stiffness")

    @property
    def moduli(self) -> Moduli:
        """Engineering moduli of a stiffness, of a 3 × 3 tensor those in plane; with leading batch.

        Those along any direction are `directional_young`, `directional_shear` and `directional_poisson` of `tensor`.
        """
        check(self.quantity == "stiffness", f"`moduli` are those of a stiffness, but this is a {self.quantity}. Read `.tensor`.")
        return moduli(self.tensor) if self.tensor.ndim == 2 else jax.vmap(moduli)(self.tensor)

    @property
    def gradient(self) -> Float[Array, "..."] | None:
        """`strain` by its name in conduction."""
        return self.strain

    @property
    def flux(self) -> Float[Array, "..."] | None:
        """`stress` by its name in conduction; the flux of heat or matter is minus that."""
        return self.stress

    @property
    def potential(self) -> Float[Array, "..."] | None:
        """`displacement` by its name in conduction."""
        return self.displacement

    def __str__(self) -> str:
        if not is_concrete(self.tensor, self.status):
            return repr(self)
        code = Status(int(np.max(self.status)))
        lines = [f"effective tensor ({self.discretization}, {code.name.lower()}, steps {np.asarray(self.steps).tolist()})"]
        lines.append(np.array2string(np.asarray(self.tensor), precision=5, suppress_small=True))
        if self.bounds is not None:
            lower, upper = (np.diagonal(np.asarray(bound), axis1=-2, axis2=-1) for bound in self.bounds)
            lines.append(f"guaranteed diagonal: from {np.array2string(lower, precision=5)} to {np.array2string(upper, precision=5)}")
            if not lower.any():
                lines.append("  (a voxel has no stiffness: nothing but zero is guaranteed from below)")
        return "\n".join(lines)


@record
class WalledResult:
    """Conduction between two walls, and how its solve ended; a pytree, with leading batch.

    Attributes:
        value: effective conductivity along the axis, mean flux over mean gradient; 0 where nothing joins the walls.
        status: a `Status` code; 0 is converged, `NO_PATH` says that nothing joins the walls.
        steps: conjugate-gradient steps.
        residual: true preconditioned residual relative to that of a zero start.
        value_error: estimated absolute error of `value` that the iteration and rounding leave.
        tortuosity: tortuosity factor, mean conductivity over `value`: for one conducting phase porosity / D_rel, with all of its
            porosity, isolated pores included; inf where nothing joins the walls.
        porosity: share of the voxels that conduct.
        percolating_porosity: share of the voxels in clusters that join both walls.
        isolated_clusters: number of conducting clusters that do not join both walls, and were left out.
        inflow: mean flux density through the first wall under a unit mean gradient; equals `value` but for the error.
        outflow: the same through the last wall.
        strain: potential gradient (d, *grid) under a unit potential drop, NaN where nothing conducts from wall to wall, if asked for.
        stress: conductivity times gradient (minus the flux) under a unit potential drop, (d, *grid), voxel means, if asked for.
        energy_density: energy per volume of each voxel under a unit potential drop, (*grid), if asked for.
        displacement: potential at the voxel centres, from 0 at the first wall to 1 at the last, NaN where nothing conducts from
            wall to wall, (*grid), if asked for.
        axis: which axis the walls end.
        sides: how the other axes end, `"no_flux"` or `"periodic"`.
        discretization: which scheme ran.
    """

    value: Float[Array, "*batch"]
    status: Int[Array, "*batch"]
    steps: Int[Array, "*batch"]
    residual: Float[Array, "*batch"]
    value_error: Float[Array, "*batch"]
    tortuosity: Float[Array, "*batch"]
    porosity: Float[Array, "*batch"]
    percolating_porosity: Float[Array, "*batch"]
    isolated_clusters: Int[Array, "*batch"]
    inflow: Float[Array, "*batch"]
    outflow: Float[Array, "*batch"]
    strain: Float[Array, "..."] | None = None
    stress: Float[Array, "..."] | None = None
    energy_density: Float[Array, "..."] | None = None
    displacement: Float[Array, "..."] | None = None
    axis: int = static(default=0)
    sides: str = static(default="no_flux")
    discretization: str = static(default="finite_volume")

    @property
    def gradient(self) -> Float[Array, "..."] | None:
        """`strain` by its name in conduction."""
        return self.strain

    @property
    def flux(self) -> Float[Array, "..."] | None:
        """`stress` by its name in conduction; the flux of heat or matter is minus that."""
        return self.stress

    @property
    def potential(self) -> Float[Array, "..."] | None:
        """`displacement` by its name in conduction."""
        return self.displacement

    def __str__(self) -> str:
        if not is_concrete(self.value, self.status) or np.ndim(self.value):
            return repr(self)
        code = Status(int(self.status))
        lines = [
            f"conductivity between walls across axis {self.axis} ({self.discretization}, {self.sides}, {code.name.lower()}, steps {int(self.steps)})",
            f"  effective conductivity   {float(self.value):.6g}",
            f"  tortuosity factor        {float(self.tortuosity):.6g}",
            f"  porosity                 {float(self.porosity):.6g}, of which from wall to wall {float(self.percolating_porosity):.6g}",
            f"  clusters left out        {int(self.isolated_clusters)}",
        ]
        return "\n".join(lines)
