"""HDF5 files from strangers: nothing outside the file is read, no claim is believed, no accident ends in more than a refusal."""

import re

import h5py
import numpy as np
import pytest

from jaxmicro.io import ReadError, read
from jaxmicro.io.hdf5 import open_hdf5
from tests.io.ebsd.hdf5_files import NX, NY, write_dream3d_8, write_edax, write_h5oina
from tests.io.ebsd.mutations import read_or_refused

CI = "Scan 1/EBSD/Data/CI"
MAKERS = {".h5": write_edax, ".h5oina": write_h5oina, ".dream3d": write_dream3d_8}


def _edax(path, change):
    write_edax(path)
    with h5py.File(path, "r+") as file:
        del file[CI]
        change(file)
    return path


def _virtual(file):
    layout = h5py.VirtualLayout((NX * NY,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "secret", (NX * NY,))
    file.create_virtual_dataset(CI, layout)


def _external_storage(file):
    file.create_dataset(CI, (NX * NY,), "f4", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.__setitem__(CI, h5py.ExternalLink("other.h5", "/secret")), "as a link, which is not followed"),
        (lambda file: file.__setitem__(CI, h5py.SoftLink("/Scan 1/EBSD/Data/Phi")), "as a link, which is not followed"),
        (_virtual, "with its numbers in other files"),
        (_external_storage, "with its numbers in other files"),
        (lambda file: file.create_dataset(CI, (NX * NY,), h5py.vlen_dtype(np.int32)), "of type object, and numbers are expected"),
        (lambda file: file.create_dataset(CI, (NX * NY,), h5py.ref_dtype), "of type object, and numbers are expected"),
        (lambda file: file.create_dataset(CI, (NX * NY,), "c8"), "of type complex64, and numbers are expected"),
        (lambda file: file.create_dataset(CI, data=h5py.Empty("f4")), "without numbers"),
        (lambda file: file.create_group(CI), "which is no dataset"),
    ],
)
def test_what_leads_out_of_a_file_or_holds_no_numbers_is_refused(tmp_path, change, words):
    path = _edax(tmp_path / "map.h5", change)
    with pytest.raises(ReadError, match=rf"map\.h5` holds '/Scan 1/EBSD/Data/CI'.*{words}"):
        read(path)


def test_a_small_file_that_claims_more_than_a_computer_holds_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "bomb.dream3d"
    write_dream3d_8(path)
    with h5py.File(path, "r+") as file:
        image = file["DataStructure/ImageGeom"]
        image.attrs["_DIMENSIONS"] = np.array([2000, 2000, 10000], np.uint64)
        image["Cell Data"].attrs["TupleDims"] = np.array([10000, 2000, 2000], np.uint64)
        for name, components, dtype in (("EulerAngles", 3, "f4"), ("Phases", 1, "i4")):
            del image[f"Cell Data/{name}"]
            image.create_dataset(f"Cell Data/{name}", (10000, 2000, 2000, components), dtype, chunks=(1, 2000, 2000, 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(ReadError, match=r"EulerAngles' of shape \(10000, 2000, 2000, 3\) and type float32: 447 GiB once decoded"):
        read(path)


def test_all_arrays_together_stay_below_the_limit(tmp_path):
    write_h5oina(tmp_path / "map.h5oina")
    with pytest.raises(ReadError, match=r"once decoded, and `max_bytes` allows"):
        read(tmp_path / "map.h5oina", max_bytes=NX * NY * 13)  # angles and phases fit, positions no more


def test_chunks_that_inflate_beyond_their_size_are_refused(tmp_path):
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("x", (4,), "u1", chunks=(4,), compression="gzip")
        import zlib

        stored.id.write_direct_chunk((0,), zlib.compress(bytes(30_000_000), 9))
    with open_hdf5(path, 1 << 20) as root, pytest.raises(ReadError, match=r"a chunk of '/x' that inflates to more than"):
        root.numbers("x")


def test_chunks_larger_or_more_than_any_scan_has_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("large", (4,), "u1", maxshape=(None,), chunks=(1 << 30,), compression="gzip")
        file.create_dataset("many", (1 << 21,), "u1", chunks=(1,))
    with open_hdf5(tmp_path / "a.h5", 1 << 24) as root:
        with pytest.raises(ReadError, match=r"in chunks of shape \(1073741824,\): 1 GiB"):
            root.numbers("large")
        with pytest.raises(ReadError, match=r"in 2097152 chunks"):
            root.numbers("many")


def test_texts_are_bounded(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("many", (5000,), h5py.string_dtype())
        file.create_dataset("long", data=["x" * (1 << 20), "y"], dtype=h5py.string_dtype())
        file.attrs["long"] = np.zeros(1 << 17, np.uint8)[:60000]
    with open_hdf5(tmp_path / "a.h5", 1 << 24) as root:
        with pytest.raises(ReadError, match="more text than any scan"):
            root.texts("many")
        with pytest.raises(ReadError, match="with more than 1048576 bytes of text"):
            root.texts("long")
        with pytest.raises(ReadError, match="the attribute 'long' of shape"):
            root.attribute("long")


def test_a_damaged_heap_of_texts_on_which_hdf5_would_never_end_is_refused(tmp_path):
    write_dream3d_8(tmp_path / "map.dream3d")
    data = bytearray((tmp_path / "map.dream3d").read_bytes())
    start = data.index(b"GCOL")
    end = start + int.from_bytes(data[start + 8 : start + 16], "little")
    place = start + 16
    while place < end and int.from_bytes(data[place : place + 2], "little"):  # to the free space, which has index 0
        place += 16 + -(-int.from_bytes(data[place + 8 : place + 16], "little") // 8) * 8
    data[place + 8 : place + 16] = bytes(8)
    (tmp_path / "map.dream3d").write_bytes(data)
    with pytest.raises(ReadError, match=r"holds damaged texts \(the heap at byte \d+\)"):
        read(tmp_path / "map.dream3d")


def test_a_text_that_claims_four_gigabytes_is_refused_before_they_are_taken(tmp_path):
    write_h5oina(tmp_path / "map.h5oina")
    with h5py.File(tmp_path / "map.h5oina") as file:
        place = file["Format Version"].id.get_offset()
    data = bytearray((tmp_path / "map.h5oina").read_bytes())
    data[place : place + 4] = b"\xff" * 4
    (tmp_path / "map.h5oina").write_bytes(data)
    with pytest.raises(ReadError, match=r"holds '/Format Version' with more than 1048576 bytes of text"):
        read(tmp_path / "map.h5oina")


def test_texts_of_variable_length_wherever_hdf5_puts_them(tmp_path):
    texts, kind = np.array([["a", ""], ["Größe", "x" * 5000], ["b", "c"]], object), h5py.string_dtype()
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file.create_dataset("plain", data=texts, dtype=kind)
        file.create_dataset("chunks", data=texts, dtype=kind, chunks=(2, 2))
        file.create_dataset("packed", data=texts, dtype=kind, chunks=(2, 2), compression="gzip")
        file.create_dataset("none", (2,), kind)
        file.attrs["text"] = "of variable length"
    with open_hdf5(tmp_path / "a.h5", 1 << 24) as root:
        assert root.texts("plain") == root.texts("chunks") == texts.ravel().tolist()
        assert root.texts("none") == ["", ""]
        with pytest.raises(ReadError, match="holds '/packed' as texts of variable length that are packed"):
            root.texts("packed")
        with pytest.raises(ReadError, match="the attribute 'text' at / as text of variable length"):
            root.attribute("text")


@pytest.mark.parametrize("extension", MAKERS)
@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(4000), b"text"])
def test_files_that_are_none(tmp_path, extension, content):
    path = tmp_path / f"map{extension}"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=re.escape(path.name) + r"` is no readable HDF5 file"):
        read(path)


def _damaged(data: bytes, places: list[int], seed: int) -> bytes:
    """An accident, most of them where HDF5 keeps its own records: numbers are few bytes of a small file, records the rest."""
    random = np.random.default_rng(seed)
    changed, kind = bytearray(data), int(random.integers(6))

    def place() -> int:
        if random.random() < 0.8:
            return min(len(data) - 1, places[int(random.integers(len(places)))] + int(random.integers(600)))
        return int(random.integers(len(data)))

    if kind == 0:
        return data[: int(random.integers(len(data)))]
    if kind == 1:
        for _ in range(int(random.integers(1, 4))):
            changed[place()] ^= 1 << int(random.integers(8))
    elif kind == 2:
        for _ in range(int(random.integers(1, 8))):
            changed[place()] = int(random.choice([0, 127, 128, 255, int(random.integers(256))]))
    elif kind == 3:
        at, count = place(), int(random.choice([2, 4, 8]))
        changed[at : at + count] = [b"\xff" * count, bytes(count), random.bytes(count)][int(random.integers(3))]
    elif kind == 4:
        at, source, count = place(), place(), int(random.choice([4, 8, 16, 64]))
        changed[at : at + count] = data[source : source + count]
    else:
        at = place()
        del changed[at : at + int(random.integers(1, 64))]
    return bytes(changed)


def _check_accidents(tmp_path, extension, seeds):
    path = tmp_path / f"map{extension}"
    MAKERS[extension](path)
    data = path.read_bytes()
    places = [match.start() for match in re.finditer(rb"TREE|SNOD|HEAP|OHDR|FRHP|FHDB|BTHD|GCOL|OCHK|FADB|EAHD|\x89HDF", data)]
    read_ones = 0
    for seed in seeds:
        path.write_bytes(_damaged(data, places, seed))
        read_ones += read_or_refused(path, max_bytes=10_000_000)
    assert 0 < read_ones < len(seeds)


@pytest.mark.parametrize("extension", MAKERS)
def test_accidents_end_in_a_map_or_a_refusal(tmp_path, extension):
    _check_accidents(tmp_path, extension, range(70))


@pytest.mark.slow
@pytest.mark.parametrize("extension", MAKERS)
def test_many_accidents_end_in_a_map_or_a_refusal(tmp_path, extension):
    _check_accidents(tmp_path, extension, (*range(70, 200), *range(1000, 3000)))


ODD = (0, -1, 1, 7.5, 1e300, -1e-320, np.nan, np.inf, 2**31 - 1, 2**63 - 1)


def _every_object(file):
    found = []
    file.visititems(lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("extension", MAKERS)
def test_values_that_make_no_sense_end_in_a_map_or_a_refusal(tmp_path, extension):
    path = tmp_path / f"map{extension}"
    MAKERS[extension](path)
    data, read_ones = path.read_bytes(), 0
    with h5py.File(path) as file:
        names = _every_object(file)
    for seed in range(80):
        random = np.random.default_rng(seed)
        path.write_bytes(data)
        with h5py.File(path, "r+") as file:
            _spoil(file, names[int(random.integers(len(names)))], random)
        read_ones += read_or_refused(path, max_bytes=10_000_000)
    assert read_ones > 0


def _spoil(file, name, random):
    """Another value, type or shape of a dataset, or none at all; or another value of an attribute."""
    kind, stored = int(random.integers(6)), file[name]
    values, odd = stored[()], ODD[int(random.integers(len(ODD)))]
    with np.errstate(all="ignore"):
        if kind == 0:
            del file[name]
        elif kind == 1 and stored.dtype.kind in "iuf":
            fits = stored.dtype.kind == "f" or (np.isfinite(odd) and abs(odd) < 128)
            stored[...] = np.float64(odd).astype(stored.dtype) if fits else 0
        elif kind == 2 and stored.dtype.kind in "iuf":
            flat = values.astype(float).ravel()
            flat[int(random.integers(flat.size))] = odd
            del file[name]
            file[name] = flat.reshape(values.shape)
        elif kind == 3:
            del file[name]
            file[name] = values[:-1] if values.ndim and len(values) > 1 else values.reshape(-1, 1)
        elif kind == 4:
            del file[name]
            file[name] = np.bytes_([str(odd)])
        else:
            owner = stored.parent
            for key in list(owner.attrs)[:1]:
                owner.attrs[key] = odd
