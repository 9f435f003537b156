"""Files as accidents leave them: cut, flipped, overwritten, with fields swapped. The same seed gives the same accident."""

import re
import warnings
from pathlib import Path

import numpy as np

from jaxmicro.io import DataWarning, ReadError, read
from jaxmicro.microstructures import Microstructure

ODD_NUMBERS = (b"nan", b"inf", b"-1", b"0", b"1e308", b"-1e-320", b"99999999999999999999", b"1e9", b"4,2", b"0x10", b"7", b"", b"\xc3\xa9")
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
CLOSE = 1e-5  # of a norm of one, in single precision


def mutated(data: bytes, seed: int) -> bytes:
    """The data after one or two accidents."""
    random = np.random.default_rng(seed)
    for _ in range(int(random.integers(1, 3))):
        data = ACCIDENTS[int(random.integers(len(ACCIDENTS)))](data, random)
    return data


def read_or_refused(path: Path, **options) -> bool:
    """True where the file was read as a valid microstructure, False where it was refused; anything else raises."""
    refusal = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            ms = read(path, **options)
        except ReadError as error:
            refusal = str(error)
    if refusal is not None:
        assert path.stem in refusal  # a partner has the same stem
        return False
    assert isinstance(ms, Microstructure)
    labels, q = np.asarray(ms.labels), np.asarray(ms.orientation)
    assert 0 <= labels.min() <= labels.max() < ms.n_phases
    assert np.isfinite(q).all()
    np.testing.assert_allclose((q**2).sum(axis=0), 1, atol=CLOSE)
    lengths = np.asarray(ms.grid.lengths)
    assert np.isfinite(lengths).all()
    assert (lengths > 0).all()
    measured = int(np.asarray(ms.mask).sum())
    assert any(f"not indexed: {ms.grid.size - measured:,} of {ms.grid.size:,} points" in note for note in ms.notes)
    return True


def _span(data: bytes, random: np.random.Generator, longest: int = 200) -> slice:
    start = int(random.integers(len(data) + 1))
    return slice(start, min(len(data), start + int(random.integers(1, longest))))


def _cut_end(data, random):
    return data[: int(random.integers(len(data) + 1))]


def _cut_tail(data, random):
    return data[: len(data) - int(random.integers(1, 100))]


def _cut_piece(data, random):
    piece = _span(data, random)
    return data[: piece.start] + data[piece.stop :]


def _flip_bits(data, random):
    changed = bytearray(data)
    for place in random.integers(len(data), size=int(random.integers(1, 12))) if data else ():
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _flip_bit_early(data, random):
    """Headers are short beside the data: most flips would miss them."""
    changed = bytearray(data)
    for place in random.integers(min(len(data), 1000), size=int(random.integers(1, 4))) if data else ():
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _overwrite(data, random):
    piece = _span(data, random, 40)
    return data[: piece.start] + random.bytes(piece.stop - piece.start) + data[piece.stop :]


def _repeat_piece(data, random):
    piece = _span(data, random)
    return data[: piece.stop] + data[piece] + data[piece.stop :]


def _fields(data, random, early):
    found = list(NUMBER.finditer(data[:1500] if early else data))
    return [found[k] for k in sorted(random.integers(len(found), size=2))] if found else []


def _swap_fields(data, random):
    fields = _fields(data, random, bool(random.integers(2)))
    if not fields or fields[0].end() > fields[1].start():
        return data
    a, b = fields
    return data[: a.start()] + b[0] + data[a.end() : b.start()] + a[0] + data[b.end() :]


def _odd_number(data, random):
    for field in _fields(data, random, bool(random.integers(2)))[:1]:
        data = data[: field.start()] + ODD_NUMBERS[int(random.integers(len(ODD_NUMBERS)))] + data[field.end() :]
    return data


def _swap_lines(data, random):
    lines = data.split(b"\n")
    i, j = random.integers(len(lines), size=2)
    lines[i], lines[j] = lines[j], lines[i]
    return b"\n".join(lines)


def _drop_line(data, random):
    lines = data.split(b"\n")
    del lines[int(random.integers(len(lines)))]
    return b"\n".join(lines)


def _repeat_line(data, random):
    lines = data.split(b"\n")
    at = int(random.integers(len(lines)))
    return b"\n".join([*lines[: at + 1], *lines[at:]])


ACCIDENTS = (
    _cut_end, _cut_tail, _cut_piece, _flip_bits, _flip_bit_early, _overwrite, _repeat_piece, _swap_fields, _odd_number, _odd_number,
    _swap_lines, _drop_line, _repeat_line,
)  # fmt: skip
