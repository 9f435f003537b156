"""Pictures of cells, fields, properties and searches, and the report that holds them.

In:  arrays (axis 0 is x; components first, grid last) and records read by their documented attributes.
Out: `matplotlib.figure.Figure` objects, `save` for files, `Report` and `design_report` for one self-contained page.
     Pictures of cells show x to the right and y downwards. No function touches pyplot or global settings.
Add one: a function that takes arrays and returns a Figure made by `style.new_figure`, with labels from
     `style.with_unit`; export it here; add a row to tests/plotting/test_conformance.py.
"""

from jaxmicro.plotting.boundary_maps import boundary_map
from jaxmicro.plotting.bounds import moduli_of, stiffness_bounds
from jaxmicro.plotting.cells import cell, cells, tiled
from jaxmicro.plotting.color_keys import ipf_key
from jaxmicro.plotting.correlations import correlation_curves, correlation_map
from jaxmicro.plotting.deformation_maps import deviation_map, dislocation_map, local_misorientation_map
from jaxmicro.plotting.design_data import DesignReportData, FieldMap, target_status
from jaxmicro.plotting.design_report import design_report
from jaxmicro.plotting.directional import conductivity_polar, young_polar
from jaxmicro.plotting.distributions import Statistic, data_against_samples, ks_distance, property_distributions
from jaxmicro.plotting.fidelity_tables import asked_against_got
from jaxmicro.plotting.field_maps import field
from jaxmicro.plotting.fronts import pareto
from jaxmicro.plotting.grain_comparisons import grain_comparison
from jaxmicro.plotting.grain_maps import grain_map
from jaxmicro.plotting.grain_sizes import size_distribution
from jaxmicro.plotting.grid_convergence import grid_convergence
from jaxmicro.plotting.histories import convergence
from jaxmicro.plotting.inverse_pole_figures import inverse_pole_figure
from jaxmicro.plotting.length_statistics import chord_histogram, lineal_path_plot, pore_size_distribution
from jaxmicro.plotting.maps import scale_bar
from jaxmicro.plotting.markup import Badge, Card, format_number
from jaxmicro.plotting.misorientations import misorientation_distribution
from jaxmicro.plotting.orientation_maps import euler_map, ipf_map
from jaxmicro.plotting.orientation_sections import odf_sections
from jaxmicro.plotting.pole_figures import pole_figure
from jaxmicro.plotting.report import Report
from jaxmicro.plotting.saving import save
from jaxmicro.plotting.sections import orthogonal_views, slices
from jaxmicro.plotting.solved_fields import flux_map, potential_map, stress_map
from jaxmicro.plotting.strips import interpolation_strip
from jaxmicro.plotting.volume_studies import representative_volume
from jaxmicro.plotting.volumes import volume_view
from jaxmicro.plotting.young_surfaces import young_surface

__all__ = [
    "Badge",
    "Card",
    "DesignReportData",
    "FieldMap",
    "Report",
    "Statistic",
    "asked_against_got",
    "boundary_map",
    "cell",
    "cells",
    "chord_histogram",
    "conductivity_polar",
    "convergence",
    "correlation_curves",
    "correlation_map",
    "data_against_samples",
    "design_report",
    "deviation_map",
    "dislocation_map",
    "euler_map",
    "field",
    "flux_map",
    "format_number",
    "grain_comparison",
    "grain_map",
    "grid_convergence",
    "interpolation_strip",
    "inverse_pole_figure",
    "ipf_key",
    "ipf_map",
    "ks_distance",
    "lineal_path_plot",
    "local_misorientation_map",
    "misorientation_distribution",
    "moduli_of",
    "odf_sections",
    "orthogonal_views",
    "pareto",
    "pole_figure",
    "pore_size_distribution",
    "potential_map",
    "property_distributions",
    "representative_volume",
    "save",
    "scale_bar",
    "size_distribution",
    "slices",
    "stiffness_bounds",
    "stress_map",
    "target_status",
    "tiled",
    "volume_view",
    "young_polar",
    "young_surface",
]
