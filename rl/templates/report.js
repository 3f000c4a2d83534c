"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("charts").textContent);
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const finePointer = window.matchMedia("(pointer: fine)").matches;
  const fewSteps = data.steps.length <= 40;
  const formats = { share: ".3~p", number: "", tokens: ",.3~s", seconds: "", scientific: ".1~e" };
  const hoverFormats = { share: ".1%", number: ".4~g", tokens: ",.0f", seconds: ".2f", scientific: ".3~e" };

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const faded = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";

  function points(key) {
    const known = { x: [], y: [] };
    data.columns[key].forEach((value, index) => {
      if (value === null) return;
      known.x.push(data.steps[index]);
      known.y.push(value);
    });
    return known;
  }

  function movingMean(values, reach) {
    const sums = [0];
    values.forEach((value) => sums.push(sums[sums.length - 1] + value));
    return values.map((_, index) => {
      const from = Math.max(0, index - reach);
      const to = Math.min(values.length, index + reach + 1);
      return (sums[to] - sums[from]) / (to - from);
    });
  }

  const ink = (series) => colour(`--${typeof series.colour === "number" ? "s" : ""}${series.colour}`);

  /* How far the bars reach from the points, where both ends are known. */
  function bars(series, known, ink) {
    if (series.low === undefined) return {};
    const ends = [series.low, series.high].map((key) =>
      data.columns[key].filter((_, index) => data.columns[series.key][index] !== null));
    const reach = (end) => ends[end].map((value, index) => (value === null ? 0 : Math.abs(value - known.y[index])));
    return {
      error_y: {
        type: "data", symmetric: false, array: reach(1), arrayminus: reach(0),
        color: faded(ink, 0.5), thickness: 1.5, width: 0,
      },
    };
  }

  function line(series, known, ink, unit, width) {
    return {
      ...known, name: series.label, type: "scatter", mode: fewSteps ? "lines+markers" : "lines",
      line: { color: ink, width }, marker: { color: ink, size: 4 },
      hovertemplate: `%{y:${hoverFormats[unit]}}`,
    };
  }

  /* Many points make a blot of a line: then they stay faint behind their moving mean. */
  function smoothed(series, known, ink, unit, mostPlain) {
    const reach = Math.floor(known.x.length / 40);
    if (known.x.length <= mostPlain || reach < 1) return [line(series, known, ink, unit, 2)];
    const mean = { x: known.x, y: movingMean(known.y, reach) };
    const alpha = known.x.length > 300 ? 0.3 : 0.5;
    return [
      { ...line(series, known, faded(ink, alpha), unit, 1), showlegend: false },
      { ...line(series, mean, ink, unit, 2.5), name: `${series.label}, mean of ${2 * reach + 1}` },
    ];
  }

  const styles = {
    line: (series, ink, unit) => smoothed(series, points(series.key), ink, unit, 200),

    exact: (series, ink, unit) => [line(series, points(series.key), ink, unit, 2)],

    smooth: (series, ink, unit) => smoothed(series, points(series.key), ink, unit, 40),

    points: (series, ink, unit) => {
      const known = points(series.key);
      const size = known.x.length > 60 ? 3 : 8;
      return [{
        ...line(series, known, ink, unit, 2.5),
        mode: "lines+markers", marker: { color: ink, size, symbol: "diamond" }, ...bars(series, known, ink),
      }];
    },

    band: (series, ink, unit) => {
      const rows = data.steps.map((step, index) => ({
        step, mean: data.columns[series.key][index], spread: data.columns[series.spread][index] ?? 0,
      })).filter((row) => row.mean !== null);
      const x = rows.map((row) => row.step);
      const edge = { type: "scatter", mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
      return [
        { ...edge, x, y: rows.map((row) => row.mean - row.spread) },
        { ...edge, x, y: rows.map((row) => row.mean + row.spread), fill: "tonexty", fillcolor: faded(ink, 0.16) },
        ...smoothed(series, { x, y: rows.map((row) => row.mean) }, ink, unit, 200),
      ];
    },

    stack: (series, ink, unit) => {
      const known = points(series.key);
      if (known.x.length === 0) return [];
      const hovertemplate = `%{y:${hoverFormats[unit]}}${unit === "seconds" ? " s" : ""}`;
      if (fewSteps) return [{ ...known, name: series.label, type: "bar", marker: { color: ink }, hovertemplate }];
      if (known.x.length > 300) known.y = movingMean(known.y, Math.floor(known.x.length / 150));
      return [{
        ...known, name: series.label, type: "scatter", mode: "lines", stackgroup: "phases",
        line: { color: ink, width: 0.5 }, fillcolor: faded(ink, 0.75), hovertemplate,
      }];
    },
  };

  function layout(panel, width) {
    const axis = {
      gridcolor: colour("--grid"), linecolor: colour("--line"), zerolinecolor: colour("--line"),
      tickfont: { size: 11 }, automargin: true,
    };
    const last = data.steps[data.steps.length - 1];
    const margin = Math.max(0.5, last * 0.02);
    return {
      width, autosize: width === undefined, barmode: "stack", bargap: 0.15,
      margin: { l: 42, r: 10, t: panel.series.length > 1 ? 30 : 10, b: 34 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: colour("--quiet"), size: 12 },
      xaxis: {
        ...axis, showgrid: false, range: [data.steps[0] - margin, last + margin], nticks: panel.wide ? 12 : 6,
        tickformat: ",d", title: panel.wide ? { text: "step", standoff: 4 } : undefined,
        unifiedhovertitle: { text: "step %{x}" },
      },
      yaxis: {
        ...axis, tickformat: formats[panel.unit], nticks: 6, exponentformat: "power",
        ...(panel.full_scale ? { range: [-0.02, 1.02] } : { rangemode: "tozero" }),
      },
      showlegend: panel.series.length > 1,
      legend: { orientation: "h", traceorder: "normal", x: 0, y: 1.02, yanchor: "bottom", font: { color: colour("--ink"), size: 12 } },
      hovermode: "x unified",
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink"), size: 12 } },
      dragmode: finePointer ? "zoom" : false,
    };
  }

  function draw(printing = false) {
    data.panels.forEach((panel, index) => {
      const traces = panel.series.flatMap((series) =>
        styles[series.style](series, ink(series), panel.unit));
      const width = printing ? (panel.wide ? 660 : 310) : undefined;
      Plotly.react(`chart-${index}`, traces, layout(panel, width), {
        responsive: true, displaylogo: false, displayModeBar: finePointer ? "hover" : false,
        modeBarButtons: [["zoom2d", "resetScale2d", "toImage"]],
      });
    });
  }

  function followTheme() {
    const button = document.getElementById("theme");
    const refresh = () => {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
      draw();
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      refresh();
    });
    prefersDark.addEventListener("change", refresh);
    let beforePrinting;
    window.addEventListener("beforeprint", () => {
      beforePrinting = root.dataset.theme;
      root.dataset.theme = "light";
      draw(true);
    });
    window.addEventListener("afterprint", () => {
      if (beforePrinting === undefined) delete root.dataset.theme;
      else root.dataset.theme = beforePrinting;
      refresh();
    });
    refresh();
  }

  function filterAnswers() {
    const filters = document.getElementById("filters");
    if (filters === null) return;
    const wanted = { outcome: "", step: "" };
    const search = document.getElementById("search");
    const rows = [...document.querySelectorAll("#rows tbody tr")];
    const apply = () => {
      const words = search.value.trim().toLowerCase();
      let shown = 0;
      rows.forEach((row) => {
        const fits = Object.keys(wanted).every((key) => wanted[key] === "" || row.dataset[key] === wanted[key]);
        row.hidden = !fits || !row.textContent.toLowerCase().includes(words);
        if (!row.hidden) shown += 1;
      });
      document.getElementById("shown").textContent = `${shown} of ${rows.length} shown`;
    };
    filters.addEventListener("click", (event) => {
      const button = event.target.closest("[data-filter]");
      if (button === null) return;
      wanted[button.dataset.filter] = button.dataset.value;
      filters.querySelectorAll(`[data-filter="${button.dataset.filter}"]`).forEach((other) =>
        other.setAttribute("aria-pressed", String(other === button)));
      apply();
    });
    search.addEventListener("input", apply);
    filters.hidden = false;
    apply();
  }

  filterAnswers();
  followTheme();
})();
