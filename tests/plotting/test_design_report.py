import dataclasses

import numpy as np
import pytest

from jaxmicro.plotting import Card, DesignReportData, FieldMap, Statistic, design_report, target_status
from tests.plotting.test_report import Walk

LABELS = (np.arange(48).reshape(8, 6) % 5 == 0).astype(int)
RNG = np.random.default_rng(0)
STATISTIC = Statistic("k_xx", RNG.normal(2, 0.1, 9), RNG.normal(2.1, 0.1, 7), unit="W/m/K")

VALUES = DesignReportData(
    "Run",
    properties=("k_xx", "k_yy"),
    units=("W/m/K", None),
    design_names=("inside", "edge"),
    targets=[[2.0, 3.0], [4.0, np.nan]],
    predicted=[[2.01, 3.0], [4.5, 1.0]],
    verified={"split 4×4": [[1.99, 3.2], [4.4, 0.9]], "rotated": [[2.0, 3.0], [4.0, 1.0]]},
)
FULL = dataclasses.replace(
    VALUES,
    subtitle="all parts",
    summary="One.\n\nTwo.",
    key_figures=[Card("seconds", 12.0)],
    warnings=["mirrored"],
    lower=[1.0, 1.0],
    upper=[4.2, 5.0],
    solves=[6, 11],
    cells=np.stack([LABELS, 1 - LABELS]),
    phase_names=("a", "b"),
    spacing=0.5,
    length_unit="µm",
    stiffness={"predicted": np.stack([np.eye(3), 2 * np.eye(3)]), "split 4×4": np.stack([np.eye(3), np.full((3, 3), np.nan)])},
    stiffness_unit="GPa",
    conductivity={"target": np.diag([2.0, 3.0])},
    moduli={"K": {"reuss": 1.0, "effective": 2.0, "voigt": 3.0}},
    fields=[FieldMap("strain 11", np.arange(48.0).reshape(8, 6))],
    histories={"gradient": [0.5, 0.004], "NSGA-II": [[0.5, 0.3], [0.4, 0.2]]},
    evaluated=[[1.0, 2.0], [2.0, 1.0]],
    interpolation=[LABELS] * 3,
    data=[LABELS] * 2,
    samples=[LABELS] * 2,
    property_statistics=[STATISTIC],
    prior_distance=[1.0, 2.0],
    prior_reference=[0.5, 1.5, 2.5, 3.5],
    data_distance=[0.1, 0.9],
    provenance={"seed": 0},
    config="a = 1",
    command="jaxmicro demo",
)


def rows_of(report):
    """Tables of a page as lists of rows of text."""

    class Tables(Walk):
        def __init__(self, text):
            self.rows = []
            super().__init__(text)

        def handle_starttag(self, tag, attrs):
            super().handle_starttag(tag, attrs)
            if tag == "tr":
                self.rows.append([])
            if tag in ("th", "td"):
                self.rows[-1].append("")

        def handle_data(self, data):
            super().handle_data(data)
            if "td" in self.open or "th" in self.open:
                self.rows[-1][-1] += data

    return Tables(report.html()).rows


def headings(report):
    page = report.html()
    return [part.split(">", 1)[1].split("<")[0] for part in page.split("<h2")[1:]]


def test_a_full_report_has_every_section_and_figure(tmp_path):
    report = design_report(FULL)
    assert headings(report) == [
        "Contents",
        "Targets, predictions, verification",
        "Designed cells",
        "Direction dependence",
        "Convergence",
        "Pareto front",
        "Effective moduli and bounds",
        "Local fields",
        "Walk through latent space",
        "Data against samples",
        "Properties of data and samples",
        "Distance to what is known",
        "How this was made",
    ]
    assert report.figure_names == (
        "cells",
        "tiled-1",
        "tiled-2",
        "young-1",
        "young-2",
        "conductivity-1",
        "convergence",
        "pareto",
        "bounds",
        "field-1-strain-11",
        "interpolation",
        "data-against-samples",
        "property-1-k-xx",
    )
    path = report.write(tmp_path)
    assert path.stat().st_size < 3_000_000
    Walk(path.read_text())


def test_cells_that_nobody_designed_are_not_called_designs():
    cell, moduli = np.eye(6, dtype=int), {"E_x": {"effective": 2.0, "voigt": 3.0, "reuss": 1.0}}
    words = {"cells_title": "The cell", "cells_caption": "As measured.", "design_names": ["the cell"]}
    fields = [FieldMap("strain 11", np.random.default_rng(0).random((6, 6)))]
    stiffness = {"effective": np.eye(3)[None]}
    report = design_report(DesignReportData("Run", cells=[cell], moduli=moduli, fields=fields, stiffness=stiffness, **words))
    assert "The cell" in headings(report)
    page = report.html()
    for text in ("As measured.", "the cell, 3 × 3 periods.", "Moduli of the cell.", "strain 11 in the cell."):
        assert text in page
    assert "design" not in page.partition("<main")[2].lower()


def test_sections_without_data_are_left_out():
    report = design_report(DesignReportData("Empty"))
    assert headings(report) == []
    assert report.figure_names == ()
    Walk(report.html())
    assert headings(design_report(VALUES)) == ["Targets, predictions, verification"]


def test_the_table_holds_values_gaps_and_verdicts():
    header, *rows = rows_of(design_report(VALUES))
    assert header == ["design", "property", "status", "target", "predicted", "split 4×4", "rotated"]
    assert rows == [
        ["inside", "kxx (W/m/K)", "✓ met", "2", "2.01", "1.99 −1 %", "2 −0.5 %"],
        ["inside", "kyy", "△ verified gap", "3", "3", "3.2 6.7 %", "3 0 %"],
        ["edge", "kxx (W/m/K)", "✗ missed", "4", "4.5", "4.4 −2.2 %", "4 −11 %"],
        ["edge", "kyy", "–", "–", "1", "0.9 −10 %", "1 0 %"],
    ]


def test_the_cards_tell_the_worst():
    shown = "".join(Walk(design_report(dataclasses.replace(VALUES, solves=[6, 11])).html()).text)
    assert "designs that meet their targets✗ 0 of 2" in shown
    assert "worst predicted error12 %" in shown  # 4.5 against 4
    assert "worst error, split 4×410 %" in shown
    assert "cell solves per design8.5median; 17 in all" in shown


def test_designs_without_targets_report_gaps():
    report = design_report(dataclasses.replace(VALUES, targets=None))
    header, *_ = rows_of(report)
    assert header == ["design", "property", "predicted", "split 4×4", "rotated"]
    assert "largest gap, rotated11 %" in "".join(Walk(report.html()).text)


def test_values_beyond_a_rigorous_bound_are_warned_of():
    report = design_report(dataclasses.replace(VALUES, lower=[1.0, 0.95], upper=[4.45, 5.0]))
    walk = Walk(report.html())
    messages = [text for text in walk.text if "beyond its rigorous bound" in text]
    assert len(messages) == 2
    assert "edge: k_xx (predicted) is 4.5, beyond its rigorous bound 4.45" in messages[0]
    assert "edge: k_yy (split 4×4) is 0.9, beyond its rigorous bound 0.95" in messages[1]


def test_failed_values_do_not_break_the_report():
    report = design_report(dataclasses.replace(VALUES, predicted=np.full((2, 2), np.nan)))
    assert rows_of(report)[1][2] == "✗ missed"
    assert "worst predicted error– %" in "".join(Walk(report.html()).text)


def test_distances_are_set_against_training_cells():
    rows = rows_of(design_report(FULL))
    assert rows[-2:] == [["inside", "1", "75 %", "0.1"], ["edge", "2", "50 %", "0.9"]]


def test_polar_figures_overlay_what_is_finite():
    page = design_report(FULL).html()
    assert 'alt="Polar plot of Young&#x27;s modulus for inside: predicted, split 4×4."' in page
    assert 'alt="Polar plot of Young&#x27;s modulus for edge: predicted."' in page


@pytest.mark.parametrize(
    ("target", "predicted", "verified", "status"),
    [
        (2.0, 2.02, 1.98, "met"),
        (2.0, 2.02, None, "met"),
        (2.0, 2.02, 2.03, "gap"),
        (2.0, 2.03, 2.0, "missed"),
        (2.0, np.nan, 2.0, "missed"),
        (2.0, 2.0, np.nan, "gap"),
        (np.nan, 2.0, 2.0, ""),
    ],
)
def test_a_target_is_met_only_when_the_check_confirms_it(target, predicted, verified, status):
    assert target_status(target, predicted, verified, 0.02) == status


def test_a_target_of_zero_is_measured_by_the_largest():
    data = DesignReportData("t", properties=("k_xx", "k_xy"), targets=[2.0, 0.0], predicted=[[2.0, 0.015], [2.0, 0.03]])
    assert [row[2] for row in rows_of(design_report(data))[1:]] == ["✓ met", "✓ met", "✓ met", "✗ missed"]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": [1.0]}, "`targets` must have shape \\(2, 2\\), one column per property, but its shape is \\(2, 1\\)"),
        ({"predicted": None}, "`predicted` must be given with targets"),
        ({"predicted": [1.0, 2.0]}, "`predicted` must have shape \\(designs, 2\\)"),
        ({"verified": {"rotated": np.zeros((3, 2))}}, "`verified\\['rotated'\\]` must have shape \\(2, 2\\)"),
        ({"design_names": ("a",)}, "`design_names` must hold 2 names"),
        ({"units": ("GPa",)}, "`units` must hold 2 units"),
        ({"tolerance": 1.0}, "`tolerance` must lie in \\(0, 1\\)"),
        ({"solves": [1]}, "`solves` must have shape \\(2,\\)"),
        ({"cells": [LABELS]}, "`cells` must hold 2 cells"),
        ({"prior_distance": [1.0]}, "`distance from the prior` must have shape \\(2,\\)"),
        ({"stiffness": {"predicted": np.zeros(3)}}, "`stiffness\\['predicted'\\]` must have shape"),
    ],
)
def test_arrays_that_do_not_match_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        design_report(dataclasses.replace(VALUES, **changes))
