import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from jaxmicro.plotting import cell, convergence, save
from jaxmicro.plotting.saving import in_palette, write_whole

LABELS = np.eye(6, dtype=int)


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_the_suffix_chooses_the_format(tmp_path, suffix, start):
    path = save(cell(LABELS), tmp_path / "deep" / f"cell{suffix}")
    assert path == tmp_path / "deep" / f"cell{suffix}"
    assert path.read_bytes().startswith(start)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_equal_figures_give_equal_files_without_a_time(tmp_path, suffix):
    figures = [convergence({"a": [1.0, 0.1], "b": [0.5, 0.2]}, tolerance=0.3) for _ in range(2)]
    first, second = (save(figure, tmp_path / f"{index}{suffix}").read_bytes() for index, figure in enumerate(figures))
    assert first == second
    assert save(figures[0], tmp_path / f"again{suffix}").read_bytes() == first
    for trace in (b"CreationDate", b"dc:date", b"Software", b"Matplotlib v"):
        assert trace not in first


def test_references_inside_an_svg_still_meet(tmp_path):
    text = save(cell(LABELS, spacing=1.0, unit="µm"), tmp_path / "cell.svg").read_text()
    defined = {part.split('"')[0] for part in text.split('id="')[1:]}
    used = {part.split(")")[0] for part in text.split("url(#")[1:]}
    assert used
    assert used <= defined


def test_a_png_has_150_dots_per_inch(tmp_path):
    with Image.open(save(Figure(figsize=(2, 1)), tmp_path / "a.png")) as image:
        assert image.size == (300, 150)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"'.png', '.svg', '.pdf', but it is '.jpg'"):
        save(cell(LABELS), tmp_path / "a.jpg")


def test_a_crash_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    write_whole(target, b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_a_palette_keeps_the_picture(tmp_path):
    png = save(cell(LABELS), tmp_path / "a.png").read_bytes()
    small = in_palette(png)
    assert len(small) < 0.7 * len(png)
    with Image.open(io.BytesIO(png)) as before, Image.open(io.BytesIO(small)) as after:
        change = np.abs(np.asarray(before.convert("RGB"), dtype=int) - np.asarray(after.convert("RGB"), dtype=int))
    assert change.max() <= 24
