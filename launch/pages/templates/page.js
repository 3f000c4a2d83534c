"use strict";
(() => {
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const isDark = () => (root.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";

  /* Charts name the page's colours, as "--blue", so that they follow its theme; "--blue/40" is of 40 % opacity. */
  function coloured(value) {
    if (typeof value === "string" && value.startsWith("--")) {
      const [name, opacity] = value.split("/");
      if (opacity === undefined) return colour(name);
      return colour(name) + Math.round(2.55 * Number(opacity)).toString(16).padStart(2, "0");
    }
    if (Array.isArray(value)) return value.map(coloured);
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
    }
    return value;
  }

  function draw() {
    const axis = { gridcolor: colour("--grid"), linecolor: colour("--line"), zeroline: false, automargin: true };
    charts.forEach((chart, index) => {
      const given = coloured(chart.layout);
      const layout = {
        margin: { l: 48, r: 14, t: 10, b: 40 }, showlegend: false, bargap: 0.08,
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: getComputedStyle(document.body).fontFamily, color: colour("--quiet"), size: 12 },
        hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
        ...given, xaxis: { ...axis, ...given.xaxis }, yaxis: { ...axis, ...given.yaxis },
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: colour("--ink") }, ...given.legend },
      };
      Plotly.react(`chart-${index}`, coloured(chart.traces), layout, {
        responsive: true, displaylogo: false, displayModeBar: false,
      });
    });
  }

  const button = document.getElementById("theme");
  function refresh() {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${isDark() ? "light" : "dark"} colours`);
    draw();
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    refresh();
  });
  prefersDark.addEventListener("change", refresh);
  refresh();
})();
