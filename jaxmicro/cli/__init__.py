"""The `jaxmicro` command: one job, one run folder, one report.

In:  a command with options, or with a configuration file that its options override.
Out: `main`; per job a run folder with the configuration as resolved, seed, versions, metrics, results, figures and `report.html`.
Add one: a command is one file in commands/ with a frozen config struct and a function `run(config, job)`, and one row in
     catalogue.py; its test goes to tests/cli.
"""

from jaxmicro.cli.entry import main

__all__ = ["main"]
