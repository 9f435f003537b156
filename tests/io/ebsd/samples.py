"""Small EBSD files in every dialect, made from numbers that the tests know."""

import dataclasses

import numpy as np

SHAPE = (6, 5)


@dataclasses.dataclass
class Sample:
    """Columns per point in raster order, x fastest; angles in radians, phases from 1 and 0 where not indexed."""

    x: np.ndarray
    y: np.ndarray
    euler: np.ndarray
    phase: np.ndarray
    quality: np.ndarray
    shape: tuple[int, int]
    step: tuple[float, float]

    def grid(self, column):
        return column.reshape(*column.shape[:-1], *self.shape[::-1]).swapaxes(-1, -2)


def sample(shape=SHAPE, step=(0.5, 0.5), phases=2, unindexed=0.1, seed=0, origin=(0.0, 0.0)) -> Sample:
    random = np.random.default_rng(seed)
    nx, ny = shape
    y, x = (axis.ravel() for axis in np.meshgrid(np.arange(ny) * step[1] + origin[1], np.arange(nx) * step[0] + origin[0], indexing="ij"))
    euler = random.uniform(0, 1, (3, nx * ny)) * np.array([[2 * np.pi], [np.pi], [2 * np.pi]])
    phase = np.where(random.uniform(size=nx * ny) < unindexed, 0, random.integers(1, phases + 1, nx * ny))
    phase[:2] = (1, phases)  # some point of the first and the last phase
    return Sample(x, y, euler, phase, random.uniform(0.1, 1, nx * ny).round(3), shape, step)


def hexagonal(columns=6, rows=5, step=0.5, ragged=True, seed=0) -> Sample:
    """Odd rows shifted by half a step, and one point shorter where ragged."""
    places = [
        ((i + 0.5 * (j % 2)) * step, j * step * np.sqrt(0.75)) for j in range(rows) for i in range(columns - (j % 2 if ragged else 0))
    ]
    x, y = np.array(places).T
    full = sample((len(places), 1), phases=1, unindexed=0, seed=seed)
    return dataclasses.replace(full, x=x, y=y, shape=(columns, rows), step=(step, step * np.sqrt(0.75)))


def ang(s: Sample, *, order=None, kind="SqrGrid", counts=None, steps=None, columns=10, head=(), drop=(), phases=None, mark="ci", names=False, symmetry=(43, 62)) -> str:  # fmt: skip
    """EDAX's file; phases are numbered from 1, or 0 throughout where there is one."""
    number = int(s.phase.max()) if phases is None else phases
    nx, ny = s.shape
    odd, even, rows = counts or (nx, nx, ny)
    lines = ["# TEM_PIXperUM          1.000000", *head, "#"]
    for k in range(number, 0, -1):  # EDAX begins with the last one
        lines += [f"# Phase {k}", f"# MaterialName  \tphase{k}", "# Formula     \tX", f"# Symmetry              {symmetry[k - 1]}"]
        lines += ["# LatticeConstants      3.520 3.520 3.520  90.000  90.000  90.000", "# hklFamilies   \t 1  1  1 1 0.000000"]
    lines += [f"# GRID: {kind}", f"# XSTEP: {(steps or s.step)[0]:.6f}", f"# YSTEP: {(steps or s.step)[1]:.6f}"]
    lines += [f"# NCOLS_ODD: {odd}", f"# NCOLS_EVEN: {even}", f"# NROWS: {rows}"]
    if names:
        listed = ["phi1", "PHI", "phi2", "x", "y", "IQ", "CI", "Phase index", "SEM", "Fit", "PRIAS Bottom Strip", "Custom Value"][:columns]
        lines += [
            f"# COLUMN_COUNT: {columns}",
            f"# COLUMN_HEADERS: {', '.join(listed)}",
            "# COLUMN_UNITS: radians, radians, radians, microns, microns",
        ]
    lines = [line for line in lines if not any(line.startswith(f"# {name}") for name in drop)]
    lost = s.phase == 0
    euler = np.where(lost & (mark == "angle"), 4 * np.pi, np.where(lost, 0.0, s.euler))
    ci = np.where(lost & (mark == "ci"), -1.0, np.where(lost, 0.0, s.quality))
    fit = np.where(lost & (mark == "fit"), 180.0, 0.5)
    ids = np.where(lost & (mark != "phase"), 1, s.phase) if number > 1 or mark == "phase" else np.zeros_like(s.phase)
    extra = [np.full(ci.size, 7.0)] * (columns - 10)
    table = np.column_stack([*euler, s.x, s.y, 100 * s.quality, ci, ids, np.full(ci.size, 1.0), fit, *extra])[:, :columns]
    return "\n".join(lines + rows_of(table, order)) + "\n"


def emsoft(s: Sample) -> str:
    text = ang(s, columns=8, mark="phase", head=("# Info  patterns indexed using EMsoft::EMEBSDDI", "# OPERATOR:   Håkon Wiik Ånes"))
    return text.replace("SqrGrid", "SqrGrid ")


def acom(s: Sample) -> str:
    """Transmission microscope: nm, one phase without a number, no counts."""
    lines = [
        "# File created from ACOM RES results",
        "# ni.res",
        "#     ",
        "# MaterialName      Nickel",
        "# Formula",
        "# Symmetry          43",
    ]
    lines += ["# LatticeConstants  3.520  3.520  3.520  90.000  90.000  90.000", "#", "# GRID: SqrGrid#"]
    ones = np.ones(s.x.size)
    return "\n".join(lines + rows_of(np.column_stack([*s.euler, s.x, s.y, 100 * s.quality, s.quality, ones, 100 * ones]))) + "\n"


def ctf(s: Sample, *, order=None, mode="Grid", cells=None, steps=None, comma=False, phases=None, drop=(), extra_head=(), laue=(11, 9), groups=(225, 194), depth=None) -> str:  # fmt: skip
    number = int(s.phase.max()) if phases is None else phases
    nx, ny = cells or s.shape
    lines = ["Channel Text File", "Prj\tsample", "Author\t[Unknown]", f"JobMode\t{mode}", f"XCells\t{nx}", f"YCells\t{ny}"]
    lines += [f"XStep\t{(steps or s.step)[0]:g}", f"YStep\t{(steps or s.step)[1]:g}", *extra_head]
    lines += ["AcqE1\t0", "Euler angles refer to Sample Coordinate system (CS0)!\tMag\t200\tCoverage\t100\tKV\t15"]
    lines = [line for line in lines if line.split("\t")[0] not in drop]
    lines += [f"Phases\t{number}"]
    lines += [f"3.5;3.5;5.0\t90;90;120\tphase{k + 1}\t{laue[k]}\t{groups[k]}\tsome remark" for k in range(number)]
    columns = ["Phase", "X", "Y", "Bands", "Error", "Euler1", "Euler2", "Euler3", "MAD", "BC", "BS"]
    lost = s.phase == 0
    degrees = np.where(lost, 0.0, np.rad2deg(s.euler))
    bands, mad = np.where(lost, 0, 8), np.where(lost, 0, s.quality)
    table = [s.phase, s.x, s.y, bands, np.where(lost, 3, 0), *degrees, mad, np.full(bands.size, 85), np.zeros(bands.size)]
    if depth is not None:
        columns, table = [*columns, "Z"], [*table, depth]
    body = ["\t".join(columns), *rows_of(np.column_stack(table), order, "\t")]
    text = "\n".join(lines + body) + "\n"
    return text.replace(".", ",") if comma else text


def rows_of(table: np.ndarray, order=None, gap=" ") -> list[str]:
    table = table if order is None else table[order]
    return [gap.join(f"{value:.5f}" for value in row) for row in table]


CRC_FIELDS = ((3, "<f4"), (4, "<f4"), (5, "<f4"), (6, "<f4"), (7, "u1"), (8, "u1"), (10, "u1"), (11, "u1"), (12, "<f4"))


def cpr(s: Sample, *, fields=CRC_FIELDS, mode="RegularGrid", cells=None, phases=None, comma=False, laue=(11, 9)) -> tuple[str, bytes]:
    number = int(s.phase.max()) if phases is None else phases
    nx, ny = cells or s.shape
    lines = ["[General]", "Version=5.0", f"JobMode={mode}", "[Job]", f"GridDistX={s.step[0]:.4f}", f"GridDistY={s.step[1]:.4f}"]
    lines += [
        f"xCells={nx}",
        f"yCells={ny}",
        "[Fields]",
        f"Count={len(fields)}",
        *(f"Field{k}={field}" for k, (field, _) in enumerate(fields, 1)),
    ]
    lines += ["[Phases]", f"Count={number}"]
    for k in range(number):
        lines += [f"[Phase{k + 1}]", f"StructureName=phase{k + 1}", "a=3.5700", f"LaueGroup={laue[k]}", "SpaceGroup=0"]
    content = {3: s.euler[0], 4: s.euler[1], 5: s.euler[2], 6: s.quality, 7: 80, 8: 40, 10: 8}
    records = np.zeros(s.x.size, np.dtype([("phase", "u1"), *((str(field), kind) for field, kind in fields)]))
    records["phase"] = s.phase
    for field, kind in fields:
        if not kind.startswith("V"):
            records[str(field)] = content.get(field, 5)
    text = "\r\n".join(lines) + "\r\n"
    return text.replace(".", ",") if comma else text, records.tobytes()
