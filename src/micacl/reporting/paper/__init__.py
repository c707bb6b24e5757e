"""Exports a report for a paper: `export.export(report, folder)` writes figures as PNG and PDF, and tables as LaTeX."""
