"""The report as one HTML page: `page.report_page(report)`; a chart a file, drawn by Plotly in the browser."""
