"""Makes tables and figures from run folders alone, without a model, a training library or a configuration.

- `one_run.table.results_table(folder)` lays one run's results out for the terminal.
- `one_run.figures.save_figures(folder)` saves one run's confusion matrix and t-SNE as PNG.
- `sweep.summary.summarize(folder)` writes a sweep's means over folds and seeds as CSV and Markdown;
  `sweep.screen.summary_screen` lays them out for the terminal.
- `page.report.read_report(*folders)` compares runs and sweeps; `page.report_page.report_page` makes one HTML page of
  the report, `paper.export.export` figures and LaTeX tables.
- `published.published_for(dataset, settings, folds)` finds the published figures for a data set.

Nothing is imported here: a summary should not wait for matplotlib and scikit-learn.
"""
