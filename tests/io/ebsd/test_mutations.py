"""Every mutated file is read as something valid or refused by name."""

import zlib

import pytest

from tests.io.ebsd.mutations import mutated, read_or_refused
from tests.io.ebsd.samples import SHAPE, acom, ang, cpr, ctf, emsoft, hexagonal, sample

FEW, MANY = 200, 2000
MAX_BYTES = 1 << 20
KINDS = {
    "ang": lambda: {"map.ang": ang(sample()).encode()},
    "emsoft": lambda: {"map.ang": emsoft(sample()).encode()},
    "acom": lambda: {"map.ang": acom(sample(phases=1, unindexed=0)).encode()},
    "hexagonal": lambda: {"map.ang": ang(hexagonal(), kind="HexGrid", counts=(6, 5, 5)).encode()},
    "ctf": lambda: {"map.ctf": ctf(sample()).encode()},
    "commas": lambda: {"map.ctf": ctf(sample(), comma=True).encode()},
    "cpr": lambda: dict(
        zip(("map.cpr", "map.crc"), (part if isinstance(part, bytes) else part.encode() for part in cpr(sample())), strict=True)
    ),
}


def run(folder, kind: str, count: int) -> tuple[int, int]:
    """How many of the mutated files were read, and how many refused."""
    whole = KINDS[kind]()
    taken = [0, 0]
    for seed in range(count):
        files = dict(whole)
        victim = sorted(files)[seed % len(files)]
        files[victim] = mutated(files[victim], zlib.crc32(kind.encode()) + seed)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        options = {"resample": "nearest"} if kind == "hexagonal" else {}
        taken[read_or_refused(folder / victim, max_bytes=MAX_BYTES, **options)] += 1
    return taken[1], taken[0]


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_files_are_read_or_refused(tmp_path, kind):
    read, refused = run(tmp_path, kind, FEW)
    assert read > 0  # an accident in a remark harms nothing
    assert refused > FEW // 5


def test_mutated_slices_of_a_volume_are_read_or_refused(tmp_path):
    for k in range(2):
        (tmp_path / f"{k}.ang").write_text(ang(sample(seed=k)))
    whole = (tmp_path / "1.ang").read_bytes()
    taken = [0, 0]
    for seed in range(FEW // 2):
        (tmp_path / "1.ang").write_bytes(mutated(whole, seed))
        taken[read_or_refused(tmp_path, spacing=1.0, max_bytes=MAX_BYTES)] += 1
    assert min(taken) > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_mutated_files_are_read_or_refused(tmp_path, kind):
    assert sum(run(tmp_path, kind, MANY)) == MANY


def test_the_same_seed_gives_the_same_accident():
    data = ang(sample(SHAPE)).encode()
    assert [mutated(data, seed) for seed in range(30)] == [mutated(data, seed) for seed in range(30)]
    assert sum(mutated(data, seed) != data for seed in range(100)) > 80
