"""Tables and figures from run folders alone: no model, no training library, no configuration.

- `run_folder.read_run(folder)`: what a run says of itself, checked.
- `table.results_table(folder)`: one run's results for the terminal.
- `figures.save_figures(folder)`: one run's confusion matrix and t-SNE as PNG;
  `confusion.confusion_figure` and `tsne.tsne_figure` give them as matplotlib figures.
- `summary.summarise(folder)`: a sweep's means over folds and seeds, as CSV, Markdown and on the screen.
- `report.read_report(*folders)`: runs and sweeps compared; `page.report_page` makes it one HTML page, `paper.export`
  figures and LaTeX tables.
- `published.published_for(dataset, settings, folds)`: the published figures for a data set.

Nothing is imported here: a summary should not wait for matplotlib and scikit-learn.
"""
