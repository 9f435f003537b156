"""A microstructure in a few lines of text."""

from typing import TYPE_CHECKING

import numpy as np

from jaxmicro._core import is_concrete

if TYPE_CHECKING:
    from jaxmicro.microstructures.record import Microstructure


def summarise(ms: "Microstructure") -> str:
    """Readable summary of a microstructure; under a tracer only what is static."""
    if not is_concrete(ms):
        return repr(ms)
    lines = [_headline(ms), *_phase_lines(ms)]
    if ms.orientation is not None:
        lines.append("orientations: unit quaternions, sample → crystal")
    if ms.mask is not None:
        lines.append(f"measured: {100 * float(np.mean(np.asarray(ms.mask))):.2f} % of the voxels")
    lines += [_map_line(name, np.asarray(value), ms.grid.ndim) for name, value in ms.maps.items()]
    if ms.provenance:
        lines.append(f"provenance: {ms.provenance}")
    lines += [f"note: {note}" for note in ms.notes]
    return "\n".join(lines)


def _headline(ms: "Microstructure") -> str:
    size = " x ".join(str(n) for n in ms.grid.shape)
    lengths = " x ".join(f"{length:g}" for length in np.asarray(ms.grid.lengths))
    spacing = " x ".join(f"{h:g}" for h in np.asarray(ms.grid.spacing))
    kind = "labels" if ms.is_sharp else "phase fractions"
    return f"Microstructure of {size} voxels ({kind}), edges {lengths}, voxel {spacing}"


def _phase_lines(ms: "Microstructure") -> list[str]:
    width = max(len(phase.name) for phase in ms.phases)
    lines = []
    for index, (phase, share) in enumerate(zip(ms.phases, np.asarray(ms.volume_fractions), strict=True)):
        extra = [f"Laue group {phase.laue}"] if phase.laue else []
        extra += [f"constants {phase.constants}"] if phase.constants is not None else []
        lines.append(f"  {index}  {phase.name:<{width}}  {100 * share:6.2f} %" + "".join(f"  {text}" for text in extra))
    return lines


def _map_line(name: str, values: np.ndarray, ndim: int) -> str:
    components = f" {values.shape[:-ndim]}" if values.ndim > ndim else ""
    if values.dtype.kind not in "iufb" or values.size == 0:
        return f"map {name}{components}: {values.dtype}"
    with np.errstate(invalid="ignore"):
        finite = values[np.isfinite(values)]
    span = f"{finite.min():g} … {finite.max():g}" if finite.size else "no finite value"
    return f"map {name}{components}: {span}"
