"""A design problem: what varies, what is computed, what is wanted."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxmicro._core import as_float_array, check, nearest_name
from jaxmicro.design.attainable import check_attainable
from jaxmicro.design.goals import Between, Maximize, Minimize, Objective, Target
from jaxmicro.design.space import Space, as_space


class Problem:
    """From a wish to cells: variables, properties, objectives and constraints.

    With targets alone, a design is wanted whose values lie within the tolerances. With `Minimize` or `Maximize` among the
    objectives, the front is wanted that no other design dominates, and targets are constraints that must hold.

    Args:
        codec_or_density: `Density`, `LatentSpace`, a codec, or anything with the methods of `Space`.
        properties: one or several; names must not collide.
        objectives: one or several `Target`, `Minimize`, `Maximize`.
        constraints: `Between`s.

    Raises:
        ValueError: for unknown or double names (with the nearest known one), or properties of another number of phases.
        TargetError: from `check_targets` (which `minimize` calls first) for targets that no cell can reach.

    Example:
        >>> grid = jm.Grid((16, 16))
        >>> problem = Problem(Density(grid), [Conductivity([1.0, 10.0])], [Target("k_xx", 3.0), Target("k_yy", 2.5)])
        >>> problem.names
        ('k_mean', 'k_xx', 'k_xy', 'k_yy')
    """

    def __init__(
        self,
        codec_or_density: Any,
        properties: Any,
        objectives: Objective | Sequence[Objective],
        constraints: Between | Sequence[Between] = (),
    ):
        self.space: Space = as_space(codec_or_density)
        self.properties: tuple[Any, ...] = _several(properties)
        self.objectives: tuple[Objective, ...] = _several(objectives)
        self.constraints: tuple[Between, ...] = _several(constraints)
        check(len(self.properties) > 0, "`properties` must hold at least one property, but it is empty.")
        check(len(self.objectives) > 0, "`objectives` must hold at least one objective, but it is empty.")
        _check_kinds("objectives", self.objectives, (Target, Minimize, Maximize))
        _check_kinds("constraints", self.constraints, (Between,))
        self._names = tuple(_names_of(part, self.space) for part in self.properties)
        self.names: tuple[str, ...] = tuple(name for group in self._names for name in group)
        doubles = sorted({name for name in self.names if self.names.count(name) > 1})
        check(not doubles, f"`properties` must have different names, but {doubles} occur twice. Rename one with `Measure`.")
        for goal in (*self.objectives, *self.constraints):
            self._check_name(goal)
        wanted = [goal.name for goal in self.objectives]
        check(len(set(wanted)) == len(wanted), f"`objectives` must name each property once, but they are {wanted}. Use one goal each.")

    def _check_name(self, goal: Objective | Between) -> None:
        if goal.name not in self.names:
            hint = nearest_name(goal.name, self.names)
            advice = f" Did you mean {hint!r}?" if hint else ""
            raise ValueError(
                f"`{type(goal).__name__}` must name one of the properties {', '.join(self.names)}, but it names {goal.name!r}.{advice}"
            )

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets among the objectives."""
        return tuple(goal for goal in self.objectives if isinstance(goal, Target))

    @property
    def extremes(self) -> tuple[Minimize | Maximize, ...]:
        """The objectives without a value of their own."""
        return tuple(goal for goal in self.objectives if not isinstance(goal, Target))

    @property
    def solves(self) -> int:
        """Cell problems that the evaluation of one design costs."""
        return sum(int(getattr(part, "solves", 1)) for part in self.properties)

    @property
    def names_by_property(self) -> tuple[tuple[str, ...], ...]:
        """Names of each property's values."""
        return self._names

    def column(self, name: str) -> int:
        """Place of a value in arrays of values."""
        return self.names.index(name)

    def stiffness_scales(self) -> Float[np.ndarray, "k p"]:
        """Per value how strongly each phase answers, relative to the strongest."""
        rows = []
        for part, names in zip(self.properties, self._names, strict=True):
            scale = np.asarray(getattr(part, "stiffness_scale", np.ones(self.space.phases)), float)
            rows += [scale / max(float(scale.max()), 1e-300)] * len(names)
        return np.stack(rows)

    def check_targets(self) -> None:
        """Refuse targets outside rigorous bounds before anything is solved.

        Raises:
            TargetError: naming the bound (Voigt, Reuss, or Lurie and Cherkaev for pairs of conductivities) and the excess.

        Example:
            >>> problem = Problem(Density(jm.Grid((8, 8))), [Conductivity([1.0, 10.0])], [Target("k_xx", 12.0)])
            >>> problem.check_targets()
            Traceback (most recent call last):
            ...
            jaxmicro.design.attainable.TargetError: The target k_xx = 12 must be at most 10, the Voigt bound ...
        """
        check_attainable(self.properties, self.targets, self.constraints, self.space.phases, self.space.grid)

    def __repr__(self) -> str:
        goals = ", ".join(f"{type(goal).__name__} {goal.name}" for goal in (*self.objectives, *self.constraints))
        return f"Problem({type(self.space).__name__} on {self.space.grid.shape}, {goals})"


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, Sequence) else (given,)


def _check_kinds(argument: str, goals: Sequence[Any], kinds: tuple[type, ...]) -> None:
    for goal in goals:
        names = ", ".join(kind.__name__ for kind in kinds)
        check(isinstance(goal, kinds), f"`{argument}` must hold {names}, but one is a {type(goal).__name__}.", TypeError)


def _names_of(part: Any, space: Space) -> tuple[str, ...]:
    """Names that a property returns, without computing anything."""
    check(callable(part), f"`properties` must hold callables (fractions, grid) → dict, but one is a {type(part).__name__}.", TypeError)
    if jax.tree_util.all_leaves([part]):
        raise TypeError(f"`properties` must hold records, but one is a plain {type(part).__name__}. Wrap it: Measure(function, solves=…).")
    scale = getattr(part, "stiffness_scale", None)
    if scale is not None:
        count = as_float_array("stiffness_scale", scale).shape[0]
        check(
            count == space.phases,
            f"`properties` must have constants for {space.phases} phases, but {type(part).__name__} has them for {count}.",
        )
    fractions = jax.ShapeDtypeStruct((space.phases, *space.grid.shape), jnp.result_type(float))
    found = jax.eval_shape(lambda f: dict(part(f, space.grid)), fractions)
    for name, value in found.items():
        check(value.shape == (), f"`properties` must return scalars, but {name!r} has shape {value.shape}. Reduce it to a number.")
    return tuple(found)
