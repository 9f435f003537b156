"""`jaxmicro homogenize`: the effective properties of one picture, volume or saved cell."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import tyro
from msgspec import Meta

from jaxmicro.cli.configs import Count, MapOptions, Table
from jaxmicro.cli.crystal_checks import check_measured, measured, symmetry_conflicts, told, wrong_frame
from jaxmicro.cli.material_tables import checked_materials
from jaxmicro.cli.options import required
from jaxmicro.cli.reading import read_microstructure
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import write_report
from jaxmicro.homogenization import Homogenized, homogenize
from jaxmicro.io import write
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import Card, DesignReportData, moduli_of
from jaxmicro.plotting.lengths import length_unit


class Config(MapOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to homogenize, of what materials, and how."""

    also_called: ClassVar[dict[str, str]] = {"file": "image"}  # as `describe` calls it in a configuration

    image: tyro.conf.Positional[str] = ""
    """Picture (.png, .jpg, .tif), volume (.tif), array or saved cell (.npz), EBSD map (.ang, .ctf, .cpr, .h5, .h5oina, .dream3d) or folder of
    slices."""
    materials: Table = None
    """Constants per phase, by label or name ('{0: epoxy, 1: {young: 71, poisson: 0.22}}') or listed by sorted label: names of known
    materials (GPa) or young, poisson, c11, c12, c44, …, conductivity, in consistent units of your own."""
    plane: Literal["auto", "strain", "stress", "columnar"] = "auto"
    """The problem on a 2D grid: plane strain, plane stress, or columnar (full macroscopic strain)."""
    discretization: Literal["finite_element", "rotated", "fourier"] = "finite_element"
    """Scheme of the solver."""
    rtol: Annotated[float, Meta(gt=0.0, lt=1.0)] | None = None
    """Relative error of the local fields; that of the effective tensor is about its square. Default 1e-5."""
    max_steps: Count = 1000
    """Largest number of solver steps per load case; a solve that needs more is an error."""


def run(config: Config, job: Job) -> None:
    """Read, solve, print, and write the record and the report."""
    image = required(config, "image", "the picture, volume or cell to homogenize")
    materials = checked_materials(config.materials)
    job.console.step(f"reading {image}")
    ms = read_microstructure(image, config, job.console, cell=True)
    check_measured(image, ms)
    for line in (*wrong_frame(ms), *symmetry_conflicts(ms, materials)):
        job.console.warning(f"{line[0].upper()}{line[1:]}.")
    job.console.step("solving the cell problem")
    solver: dict[str, Any] = {name: getattr(config, name) for name in ("plane", "discretization", "rtol", "max_steps")}
    result = homogenize(ms.replace(mask=None) if measured(ms).all() else ms, materials, **solver)
    write(job.folder / "cell.npz", ms)
    write(job.folder / "result.npz", result)
    _note_metrics(job, result)
    write_report(job, _report_data(image, ms, result), crystals=None if ms.orientation is None else ms, solved=True)
    job.console.result(str(result))


def _note_metrics(job: Job, result: Homogenized) -> None:
    for name, share in zip(result.phases, np.asarray(result.volume_fractions), strict=True):
        job.metric(f"volume fraction, {name}", share)
    for kind, tensor, unit in (("C", result.stiffness, result.unit), ("k", result.conductivity, "")):
        for (i, j), value in np.ndenumerate(np.asarray(tensor) if tensor is not None else np.empty((0, 0))):
            job.metric(f"{kind}_{i + 1}{j + 1}", value, unit)
    if result.moduli is not None:
        for axis, value in zip("xyz", np.asarray(result.moduli.young), strict=False):
            job.metric(f"E_{axis}", value, result.unit)
        job.metric("anisotropy", result.moduli.anisotropy)
    job.metric("status", int(result.status))


def _report_data(image: str, ms: Microstructure, result: Homogenized) -> DesignReportData:
    stiffness: dict[str, Any] = {} if result.stiffness is None else {"effective": np.asarray(result.stiffness)[None]}
    conductivity: dict[str, Any] = {} if result.conductivity is None else {"effective": np.asarray(result.conductivity)[None]}
    seam = [note for note in ms.notes if note.startswith("periodic=") and "phase changes" in note]
    shown = ms.orientation is None or len(np.unique(np.asarray(ms.labels))) > 1  # one phase is one colour; its crystals are drawn
    return DesignReportData(
        title="Effective properties",
        subtitle=str(image),
        summary="\n\n".join([told(ms).splitlines()[0] + ".", *ms.notes]),
        key_figures=[
            Card(f"volume fraction of {name}", float(share)) for name, share in zip(result.phases, result.volume_fractions, strict=True)
        ][:4],
        warnings=[*result.defects, *[note for note in seam if "as_is" in note and _large_seam(ms)]],
        cells=[ms] if shown else None,
        length_unit=length_unit(ms),
        cells_title="The cell",
        cells_caption="The cell that was solved.",
        design_names=["the cell"],
        stiffness=stiffness,
        stiffness_unit=result.unit or None,
        conductivity=conductivity,
        moduli={} if result.stiffness is None else moduli_of(result),
        moduli_unit=result.unit or None,
    )


def _large_seam(ms: Microstructure) -> bool:
    """Whether opposite edges fit clearly worse than neighbours inside do."""
    from jaxmicro.microstructures import seam_report

    return bool(np.nanmax(np.asarray(seam_report(ms).ratio)) > 2.0)
