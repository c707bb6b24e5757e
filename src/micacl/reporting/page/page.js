"use strict";
// Draws the charts in the page's colours, by day, by night and on paper; gives them legends and choices that the
// keyboard reaches. Names are only ever set as text.
(function () {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const NARROW = 600; // pixels
  const PAPER = 680; // pixels: the width of a sheet of A4 between its margins
  const hidden = new WeakMap(); // groups that a chart's reader has switched, by figure
  let printing = false;

  function colors(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--[a-z0-9]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => colors(item, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, colors(item, style)]));
  }

  function set(layout, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    keys.reduce((inner, key) => (inner[key] ??= {}), layout)[last] = value;
  }

  function shown(figure, entry) {
    const switched = hidden.get(figure);
    return switched && switched.has(entry.group) ? switched.get(entry.group) : entry.shown;
  }

  function draw(figure) {
    const chart = charts[figure.dataset.chart];
    const plot = figure.querySelector(".plot");
    const pair = figure.closest(".pair");
    const style = getComputedStyle(document.documentElement);
    const width = printing ? (pair && pair.children.length > 1 ? PAPER / 2 - 10 : PAPER) : figure.clientWidth;
    const narrow = width < NARROW;
    const drawn = Math.min(width, chart.max_width || width);
    const { data, layout } = colors({ data: chart.data, layout: chart.layout }, style);
    if (narrow) for (const [path, value] of Object.entries(chart.narrow)) set(layout, path, value);
    layout.width = drawn;
    layout.height = (narrow && chart.narrow_height) || chart.height;
    for (const trace of data) {
      const entry = chart.legend.find((item) => item.group === trace.legendgroup);
      if (entry) trace.visible = shown(figure, entry);
    }
    Plotly.react(plot, data, layout, { displayModeBar: false, responsive: false });
    if (chart.clips && !plot.dataset.listens) listen(plot, chart.clips);
    legend(figure, chart);
  }

  function legend(figure, chart) {
    const place = figure.querySelector(".legend");
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.group : null;
    place.replaceChildren(
      ...chart.legend.map((entry) => {
        const button = document.createElement("button");
        const mark = document.createElement("span");
        mark.textContent = entry.mark + " ";
        mark.style.color = entry.color;
        mark.setAttribute("aria-hidden", "true");
        button.type = "button";
        button.dataset.group = entry.group;
        button.setAttribute("aria-pressed", String(shown(figure, entry)));
        button.append(mark, entry.name);
        button.addEventListener("click", () => {
          if (!hidden.has(figure)) hidden.set(figure, new Map());
          hidden.get(figure).set(entry.group, !shown(figure, entry));
          draw(figure);
        });
        return button;
      }),
    );
    if (focused !== null) [...place.children].find((button) => button.dataset.group === focused)?.focus();
  }

  function listen(plot, clips) {
    const box = document.getElementById("hover");
    const picture = box.querySelector(".picture");
    plot.dataset.listens = "yes";
    plot.on("plotly_hover", (event) => {
      const [panel, n] = event.points[0].customdata;
      const of = clips.panels[panel];
      const lines = [
        of.clip.length ? `clip ${of.clip[n]}` : "",
        `label: ${clips.classes[of.label[n]]}`,
        `prediction: ${clips.classes[of.prediction[n]]}`,
      ];
      box.querySelector(".words").replaceChildren(
        ...lines.filter(Boolean).map((line) => {
          const row = document.createElement("div");
          row.textContent = line;
          return row;
        }),
      );
      tile(picture, clips.sheet, of.tile[n]);
      box.hidden = false;
      const x = event.event.clientX;
      const y = event.event.clientY;
      box.style.left = `${Math.max(4, Math.min(x + 14, window.innerWidth - box.offsetWidth - 8))}px`;
      box.style.top = `${y + 18 + box.offsetHeight > window.innerHeight ? y - box.offsetHeight - 12 : y + 18}px`;
    });
    plot.on("plotly_unhover", () => { box.hidden = true; });
    window.addEventListener("scroll", () => { box.hidden = true; }, { passive: true });
  }

  function tile(picture, sheet, n) {
    picture.hidden = !sheet || n === null || n === undefined;
    if (picture.hidden) return;
    const scale = 112 / sheet.side;
    picture.style.width = picture.style.height = `${sheet.side * scale}px`;
    picture.style.backgroundImage = `url(${sheet.uri})`;
    picture.style.backgroundSize = `${sheet.columns * sheet.side * scale}px auto`;
    const x = (n % sheet.columns) * sheet.side * scale;
    const y = Math.floor(n / sheet.columns) * sheet.side * scale;
    picture.style.backgroundPosition = `${-x}px ${-y}px`;
  }

  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = () => figures.forEach(draw);
  for (const choice of document.querySelectorAll("label.choice select")) {
    const figure = choice.closest("label").nextElementSibling;
    choice.addEventListener("change", () => {
      figure.dataset.chart = choice.value;
      draw(figure);
    });
  }
  const print = (now) => {
    printing = now;
    drawAll();
  };
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  matchMedia("print").addEventListener("change", (event) => print(event.matches));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width && !printing) drawAll();
    width = window.innerWidth;
  });
  drawAll();
  document.documentElement.dataset.ready = "yes";
})();
