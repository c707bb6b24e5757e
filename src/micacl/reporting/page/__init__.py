"""Makes the report as one HTML page, with one file per chart; Plotly draws the charts in the browser."""
