"""What every figure of the room must keep: one row per function."""

import threading

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.figure import Figure
from matplotlib.text import Text

import jaxmicro.plotting as plotting
from jaxmicro.descriptors import Fidelity, chord_lengths, compare_grains, measure_grains
from jaxmicro.descriptors import pore_size_distribution as pore_sizes
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.plotting.saving import rendered
from tests.daily import daily

LABELS = (np.arange(48).reshape(8, 6) % 5 == 0).astype(int)
VOLUME = (np.arange(120).reshape(6, 5, 4) % 7 == 0).astype(int)
STIFFNESS = np.diag([3.0, 2.0, 1.0])
Q = np.array([[0.9, 0.1, 0.3, -0.3], [0.5, 0.5, -0.5, 0.5], [0.2, 0.4, 0.4, 0.8]])
Q = (Q / np.linalg.norm(Q, axis=1, keepdims=True)).T
CRYSTALS = Microstructure(
    grid=Grid((8, 6), lengths=(4.0, 3.0)),
    labels=LABELS,
    orientation=Q[:, (np.arange(48) // 7 % 3).reshape(8, 6)],
    mask=np.arange(48).reshape(8, 6) != 9,
    phases=(Phase("zirconium", "6/mmm"), Phase("iron", "m-3m")),
    maps={"bc": np.arange(48.0).reshape(8, 6)},
)
CUBE = np.diag([3.0, 3.0, 3.0, 2.0, 2.0, 2.0])
BOUNDS = {"K": {"reuss": 1.0, "hs_lower": 1.5, "effective": 2.0, "hs_upper": 3.0, "voigt": 4.0}}
GRAINS = measure_grains(CRYSTALS, np.arange(48).reshape(8, 6) // 7 % 3)
BLOCK = Microstructure(labels=VOLUME, orientation=Q[:, VOLUME])
BLOCK_GRAINS = measure_grains(BLOCK, VOLUME)
SOME = np.where(np.asarray(CRYSTALS.mask), np.arange(48.0).reshape(8, 6), np.nan)
CHORDS = chord_lengths(LABELS, 0)
SIZES = pore_sizes(LABELS, bins=4)
STUDY = {"sizes": [8, 16], "mean": [[1.0, 2], [1, 3]], "low": [[0.9, 1], [1, 2]], "high": [[2.0, 3], [1, 4]], "names": ["E", "k"]}
FIDELITY = Fidelity(np.array([0.3, 0.0, 40.0]), np.array([0.31, 0.1, 40.0]), ("volume_fraction", "orientation_tensor[3]", "count"))

ROWS = {
    "cell": lambda: plotting.cell(LABELS, spacing=0.5, unit="µm", title="A cell"),
    "cell, volume": lambda: plotting.cell(VOLUME, title="A volume"),
    "tiled": lambda: plotting.tiled(jnp.asarray(LABELS), 3, unit="µm"),
    "cells": lambda: plotting.cells([LABELS] * 3, ["a", "b", "c"], title="Three"),
    "interpolation_strip": lambda: plotting.interpolation_strip(jnp.stack([jnp.asarray(LABELS)] * 3), title="Path"),
    "young_polar": lambda: plotting.young_polar({"target": jnp.asarray(STIFFNESS), "got": STIFFNESS * 1.1}, unit="GPa", title="E"),
    "conductivity_polar": lambda: plotting.conductivity_polar(np.diag([2.0, 1.0, 3.0]), plane="yz"),
    "convergence": lambda: plotting.convergence({"a": [[1.0, 0.1], [0.5, 0.01]], "b": jnp.array([0.4, 0.3])}, tolerance=0.1, title="Runs"),
    "pareto": lambda: plotting.pareto(jnp.array([[1.0, 3.0], [2.0, 2.0]]), reference=[4.0, 4.0], hypervolume_history=[1.0, 2.0], title="F"),
    "data_against_samples": lambda: plotting.data_against_samples([LABELS] * 2, [LABELS] * 2, title="Data"),
    "property_distributions": lambda: plotting.property_distributions(
        {"data": jnp.arange(4.0), "samples": np.arange(5.0)}, "E", "GPa", title="E"
    ),
    "property_distributions, violin": lambda: plotting.property_distributions({"data": np.arange(9.0)}, "E", kind="violin"),
    "field": lambda: plotting.field(jnp.asarray(LABELS) * 1e-7, name="strain", title="Strain"),
    "field, components": lambda: plotting.field(np.stack([LABELS, -LABELS]), components=["11", "22"], unit="GPa", title="Stress"),
    "grid_convergence": lambda: plotting.grid_convergence(
        {
            "disc": {"plain": ([16, 32, 64], [0.04, 0.02, 0.01]), "composite": jnp.array([[16, 0.02], [32, 0.005], [64, 1e-3]])},
            "sphere": {"composite": ([8, 16], [0.02, 0.005])},
        }
    ),
    "ipf_map": lambda: plotting.ipf_map(CRYSTALS, boundaries=5, quality="bc", title="Two phases"),
    "ipf_map, volume": lambda: plotting.ipf_map(
        Microstructure(labels=VOLUME, orientation=Q[:, VOLUME]), (1, 1, 0), boundaries=5, title="A volume", unit=None
    ),
    "euler_map": lambda: plotting.euler_map(CRYSTALS, title="Two phases"),
    "ipf_key": lambda: plotting.ipf_key("-3"),
    "pole_figure": lambda: plotting.pole_figure(CRYSTALS, phase="iron", halfwidth=20, title="Poles"),
    "pole_figure, points": lambda: plotting.pole_figure(
        jnp.asarray(Q), [(1, 1, 1), (0.5, 1, 0)], density=False, projection="stereographic"
    ),
    "inverse_pole_figure": lambda: plotting.inverse_pole_figure(CRYSTALS, ("x", "z"), phase=0, halfwidth=20),
    "inverse_pole_figure, points": lambda: plotting.inverse_pole_figure(Q, (0, 1, 1), laue="-1", density=False, title="Directions"),
    "misorientation_distribution": lambda: plotting.misorientation_distribution(jnp.array([59.0, 60.0, 38.0]), title="Neighbours"),
    "grain_map": lambda: plotting.grain_map(GRAINS, CRYSTALS, numbers=True, ellipses=True, title="Grains"),
    "grain_map, volume": lambda: plotting.grain_map(BLOCK_GRAINS, numbers=True, title="Grains"),
    "boundary_map": lambda: plotting.boundary_map(CRYSTALS, GRAINS, title="Boundaries"),
    "boundary_map, volume": lambda: plotting.boundary_map(BLOCK, BLOCK_GRAINS, unit="µm", title="Boundaries"),
    "local_misorientation_map": lambda: plotting.local_misorientation_map(SOME, CRYSTALS, GRAINS, title="KAM"),
    "deviation_map": lambda: plotting.deviation_map(GRAINS, CRYSTALS, unit="µm", title="GROD"),
    "dislocation_map": lambda: plotting.dislocation_map(1e13 * SOME, CRYSTALS, GRAINS, title="GND"),
    "dislocation_map, volume": lambda: plotting.dislocation_map(1e12 + 1e13 * VOLUME, title="GND"),
    "odf_sections": lambda: plotting.odf_sections(CRYSTALS, phase="iron", halfwidth=20, title="Texture"),
    "odf_sections, one": lambda: plotting.odf_sections(jnp.asarray(Q), halfwidth=20, sections=[45], sample="orthorhombic"),
    "size_distribution": lambda: plotting.size_distribution(jnp.array([1.0, 2.0, 4.0]), asked=(2.0, 0.5), unit="µm", title="Sizes"),
    "grain_comparison": lambda: plotting.grain_comparison(
        compare_grains(CRYSTALS, CRYSTALS, periodic=(True, True), min_size=1), unit="µm", title="A map and itself"
    ),
    "young_surface": lambda: plotting.young_surface({"crystal": jnp.asarray(CUBE), "twice": 2 * CUBE}, unit="GPa", title="E"),
    "orthogonal_views": lambda: plotting.orthogonal_views(BLOCK, (1, 4, 0), unit="µm", title="Views"),
    "orthogonal_views, field": lambda: plotting.orthogonal_views(VOLUME * 1e-7, spacing=(1.0, 0.5, 2.0), name="strain"),
    "slices": lambda: plotting.slices(jnp.asarray(VOLUME), "x", 3, spacing=0.5, unit="µm", title="Sections"),
    "slices, field": lambda: plotting.slices(VOLUME - 0.5, 1, 4, columns=3, value_unit="GPa"),
    "volume_view": lambda: plotting.volume_view(jnp.asarray(VOLUME), show="phase 1", cut=0.5, unit="µm", pixels=60, title="A volume"),
    "volume_view, clear": lambda: plotting.volume_view(
        VOLUME, opacity={"phase 0": 0.3}, spacing=(1.0, 0.5, 2.0), smooth=0, perspective=20, azimuth=0, elevation=90, pixels=60
    ),
    "volume_view, field": lambda: plotting.volume_view(BLOCK, values=np.arange(120.0).reshape(6, 5, 4), value_unit="GPa", pixels=60),
    "volume_view, crystals": lambda: plotting.volume_view(BLOCK, color_by="orientation", azimuth=200, elevation=-30, pixels=60, title="A"),
    "correlation_map": lambda: plotting.correlation_map(jnp.asarray(LABELS / 2), spacing=0.5, unit="µm", level=0.25, title="S"),
    "correlation_map, volume": lambda: plotting.correlation_map(VOLUME, Grid((6, 3, 4)), title="A window"),
    "correlation_curves": lambda: plotting.correlation_curves(
        [0.0, 1, 2], {"a": jnp.array([[0.4, 0.2, 0.16], [0.4, 0.1, 0.1], [0.4, 0.3, 0.2]]), "b": [0.3, 0.2, 0.1]}, band="95 %", title="S"
    ),
    "chord_histogram": lambda: plotting.chord_histogram(CHORDS, unit="µm", title="Chords"),
    "chord_histogram, two": lambda: plotting.chord_histogram({"x": CHORDS, "y": CHORDS}, log=True),
    "lineal_path_plot": lambda: plotting.lineal_path_plot([[0.4, 0.2, 0.0], [0.4, 0.1, 0.1]], unit="µm", title="L"),
    "pore_size_distribution": lambda: plotting.pore_size_distribution(SIZES, unit="µm", title="Sizes"),
    "pore_size_distribution, two": lambda: plotting.pore_size_distribution({"a": SIZES, "b": SIZES}),
    "representative_volume": lambda: plotting.representative_volume(STUDY, unit="µm", units={"E": "GPa"}, title="Study"),
    "representative_volume, one": lambda: plotting.representative_volume(STUDY, "k"),
    "flux_map": lambda: plotting.flux_map(jnp.ones((2, 8, 6)), unit="W/m²", spacing=0.5, length_unit="µm", title="Flux"),
    "flux_map, volume": lambda: plotting.flux_map(np.stack([VOLUME - 0.5] * 3), section=("y", 0)),
    "stress_map": lambda: plotting.stress_map(jnp.asarray(np.stack([LABELS] * 6) - 0.4), ("11", "12", "mean", "von Mises"), title="S"),
    "stress_map, volume": lambda: plotting.stress_map(np.stack([VOLUME] * 6), unit="GPa", length_unit="µm", title="S"),
    "potential_map": lambda: plotting.potential_map(VOLUME.cumsum(axis=0), unit="K", name="temperature", title="T"),
    "asked_against_got": lambda: plotting.asked_against_got(FIDELITY, title="Got"),
    "stiffness_bounds": lambda: plotting.stiffness_bounds(BOUNDS, unit="GPa", title="Moduli"),
}

# Of every kind one every day: plane and in space, curves, texts, scales, a map, a key and a surface.
THREADED = ("cell", "young_polar", "pareto", "field, components", "euler_map", "ipf_key", "pole_figure, points", "boundary_map, volume")
row = pytest.mark.parametrize("make", ROWS.values(), ids=ROWS.keys())


def test_every_function_that_draws_has_a_row():
    no_figure = {"design_report", "format_number", "ks_distance", "moduli_of", "save", "scale_bar", "target_status"}
    drawing = {name for name in plotting.__all__ if name[0].islower()} - no_figure
    assert drawing == {name.split(",")[0] for name in ROWS}


@row
def test_a_figure_is_of_its_own_and_changes_no_settings(make):
    before = dict(mpl.rcParams)
    figure = make()
    rendered(figure, "png")
    assert isinstance(figure, Figure)
    assert dict(mpl.rcParams) == before
    assert Gcf.get_all_fig_managers() == []


@row
def test_no_text_is_smaller_than_8_points_or_outside_the_figure(make):
    figure = make()
    figure.draw_without_rendering()
    page = figure.bbox
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip():
            continue
        assert text.get_fontsize() >= 8, text.get_text()
        if text.get_clip_on() or not _is_drawn(text):
            continue
        box = text.get_window_extent()
        inside = box.x0 >= page.x0 - 1 and box.y0 >= page.y0 - 1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1
        assert inside, (text.get_text(), box, page)


def _is_drawn(text):
    """Tick labels beyond the limits of their axis are kept by matplotlib but not drawn."""
    axes = text.axes
    if axes is None:
        return True
    for axis in (axes.xaxis, axes.yaxis):
        shown = axis._update_ticks()
        labels = [label for tick in axis.get_major_ticks() + axis.get_minor_ticks() for label in (tick.label1, tick.label2)]
        if text in labels:
            return text in [label for tick in shown for label in (tick.label1, tick.label2)]
    return True


@row
def test_every_diagram_names_its_axes(make):
    for axes in make().axes:
        if axes.images and not axes.get_xticks().size:
            continue  # a thumbnail
        if axes.get_label() == "<sector>":
            assert len([text for text in axes.texts if text.get_text()]) >= 3  # its corners
            continue
        if axes.name == "3d":
            assert all(axis.get_label_text() for axis in (axes.xaxis, axes.yaxis, axes.zaxis))
            continue
        if axes.name == "polar" or axes.get_label() == "<colorbar>":
            assert axes.get_xlabel() or axes.get_ylabel()
            continue
        named_ticks = any(
            label.get_text() and not _number(label.get_text()) for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]
        )
        assert (axes.get_xlabel() and axes.get_ylabel()) or (named_ticks and (axes.get_xlabel() or axes.get_ylabel()))


def _number(text):
    try:
        float(text.replace("−", "-").replace("$", "").replace("\\mathdefault{", "").replace("}", ""))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", daily(list(ROWS), *THREADED))
def test_two_threads_draw_what_one_draws(name):
    make = ROWS[name]
    alone = rendered(make(), "png")
    drawn = [b""] * 2

    def draw(index):
        drawn[index] = rendered(make(), "png")

    threads = [threading.Thread(target=draw, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [alone, alone]
