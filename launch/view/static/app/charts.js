/* Curves of one run or several, by uPlot. The form of panels is that of rl/templates/panels.yaml. */
import { html, useEffect, useRef } from "./dom.js";
import { ofUnit, runColour } from "./format.js";

const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3], [1, 4], [12, 4]];

const inkOf = (name) => {
  const probe = /^var\((.*)\)$/.exec(name);
  return getComputedStyle(document.documentElement).getPropertyValue(probe ? probe[1] : name).trim() || "#888";
};
const faded = (hex, alpha) => (hex.startsWith("#") ? hex + Math.round(alpha * 255).toString(16).padStart(2, "0") : hex);
const ink = (colour) => inkOf(`--${typeof colour === "number" ? "s" : ""}${colour}`);

function mean(values, reach) {
  if (reach < 1) return values;
  return values.map((value, index) => {
    if (value === null || value === undefined) return null;
    const near = values.slice(Math.max(0, index - reach), index + reach + 1).filter((one) => one !== null && one !== undefined);
    return near.reduce((sum, one) => sum + one, 0) / near.length;
  });
}

/* What a panel draws: for each run that has it a table of steps and columns, and how each looks. */
function series(panel, runs, smooth) {
  const tables = [];
  const looks = [];
  const spans = [];
  const bands = [];
  for (const run of runs) {
    const lines = panel.series.filter((one) => run.columns[one.key]?.some((value) => value !== null));
    const ys = [];
    const add = (values, look) => {
      ys.push(values);
      looks.push(look);
      return looks.length;
    };
    lines.forEach((one, number) => {
      const colour = runs.length > 1 ? inkOf(runColour(run.run)) : ink(one.colour);
      const dash = runs.length > 1 ? DASHES[number % DASHES.length] : [];
      const label = [runs.length > 1 ? run.name : "", lines.length > 1 || runs.length === 1 ? one.label : ""].filter(Boolean).join(", ");
      const values = run.columns[one.key];
      const reach = one.style === "exact" || one.style === "points" ? 0 : Math.floor((values.length * smooth) / 200);
      if (one.style === "band" && run.columns[one.spread]) {
        const spread = run.columns[one.spread];
        const edge = { stroke: "transparent", label: "", quiet: true, points: { show: false } };
        const top = add(values.map((value, at) => (value === null ? null : value + (spread[at] ?? 0))), edge);
        const low = add(values.map((value, at) => (value === null ? null : value - (spread[at] ?? 0))), edge);
        bands.push({ series: [top, low], fill: faded(colour, 0.14) });
      }
      if (reach) add(values, { stroke: faded(colour, 0.25), width: 1, label: "", quiet: true, points: { show: false } });
      const place = add(mean(values, reach), {
        label, stroke: colour, width: 2, dash, points: { show: one.style === "points" || values.length < 40, size: one.style === "points" ? 7 : 4, fill: colour },
        spanGaps: one.style === "points",
      });
      if (one.low && run.columns[one.low]) {
        for (const end of [one.low, one.high]) add(run.columns[end], { stroke: "transparent", label: "", quiet: true, points: { show: false } });
        spans.push({ place, run, low: one.low, high: one.high, colour });
      }
    });
    if (ys.length) tables.push([run.steps, ...ys]);
  }
  return { tables, looks, spans, bands };
}

/* Phases or strata one upon the other, of one run. */
function stacked(panel, run) {
  const lines = panel.series.filter((one) => run.columns[one.key]?.some((value) => value));
  // A step that has none of them, as the evaluation before the first, is a gap.
  let below = run.steps.map((_, at) => (lines.some((one) => run.columns[one.key][at] !== null) ? 0 : null));
  const layers = lines.map((one) => {
    below = run.columns[one.key].map((value, at) => (below[at] === null ? null : below[at] + (value ?? 0)));
    return { values: below, one };
  });
  layers.reverse();
  return {
    tables: [[run.steps, ...layers.map((layer) => layer.values)]],
    looks: layers.map(({ one }) => ({
      label: one.label, stroke: ink(one.colour), width: 1, fill: faded(ink(one.colour), 0.75), points: { show: false },
      own: run.columns[one.key],
    })),
    spans: [], bands: [], fromZero: true,
  };
}

function intervals(spans) {
  return (chart) => {
    const { ctx } = chart;
    for (const { place, run, low, high, colour } of spans) {
      if (!chart.series[place]?.show) continue;
      ctx.save();
      ctx.beginPath();
      ctx.rect(chart.bbox.left, chart.bbox.top, chart.bbox.width, chart.bbox.height);
      ctx.clip();
      ctx.strokeStyle = faded(colour, 0.5);
      ctx.lineWidth = 1.5 * devicePixelRatio;
      run.steps.forEach((step, at) => {
        const ends = [run.columns[low]?.[at], run.columns[high]?.[at]];
        if (ends.some((end) => end === null || end === undefined)) return;
        const x = chart.valToPos(step, "x", true);
        ctx.beginPath();
        ctx.moveTo(x, chart.valToPos(ends[0], "y", true));
        ctx.lineTo(x, chart.valToPos(ends[1], "y", true));
        ctx.stroke();
      });
      ctx.restore();
    }
  };
}

function options(panel, drawn, width, sync) {
  const axis = { stroke: inkOf("--quiet"), grid: { stroke: inkOf("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  const value = (look) => (chart, shown, number, at) => {
    if (at === null || at === undefined) return "–";
    const own = look.own ? look.own[at] : shown;
    return ofUnit(panel.unit, own);
  };
  return {
    width,
    height: panel.wide ? 280 : 190,
    cursor: { sync: { key: sync }, points: { size: 6 }, drag: { x: true, y: false } },
    scales: { x: { time: false }, y: panel.full_scale ? { range: [0, 1] } : drawn.fromZero ? { range: (chart, low, high) => [0, high * 1.05 || 1] } : {} },
    axes: [
      { ...axis, size: 28 },
      { ...axis, size: 52, values: (chart, ticks) => ticks.map((tick) => (panel.unit === "share" ? `${Math.round(1000 * tick) / 10}%` : ofUnit(panel.unit === "seconds" ? "" : panel.unit, tick))) },
    ],
    series: [
      { label: "step", value: (chart, shown) => (shown === null || shown === undefined ? "–" : String(shown)) },
      ...drawn.looks.map((look) => ({ ...look, value: value(look), ...(look.quiet ? { class: "quiet-series" } : {}) })),
    ],
    bands: drawn.bands,
    hooks: { draw: [intervals(drawn.spans)] },
    legend: { live: true, markers: { dash: (chart, at) => (chart.series[at].dash?.length ? "dashed" : "solid") } },
  };
}

/* What a chart says, for those who do not see it. */
function spoken(panel, runs) {
  const said = [];
  for (const run of runs) {
    for (const one of panel.series) {
      const known = (run.columns[one.key] || []).map((value, at) => [run.steps[at], value]).filter(([, value]) => value !== null);
      if (!known.length) continue;
      const values = known.map(([, value]) => value);
      const [step, last] = known[known.length - 1];
      said.push(`${runs.length > 1 ? `${run.name}, ` : ""}${one.label}: ${ofUnit(panel.unit, last)} at step ${step}, between ${ofUnit(panel.unit, Math.min(...values))} and ${ofUnit(panel.unit, Math.max(...values))}`);
    }
  }
  return said.join("; ");
}

export function Chart({ panel, runs, smooth = 0, theme, sync = "steps", title = panel.title }) {
  const box = useRef(null);
  const isStack = panel.series[0]?.style === "stack";
  const stamp = runs.map((run) => `${run.run}:${run.stamp}`).join();
  useEffect(() => {
    const drawn = isStack ? stacked(panel, runs[0]) : series(panel, runs, smooth);
    if (!drawn.tables.length) return undefined;
    const data = drawn.tables.length > 1 ? window.uPlot.join(drawn.tables) : drawn.tables[0];
    const place = box.current;
    const width = () => Math.max(200, place.clientWidth);
    const chart = new window.uPlot(options(panel, drawn, width(), sync), data, place);
    place.querySelectorAll(".quiet-series").forEach((row) => { row.hidden = true; });
    const watch = new ResizeObserver(() => {
      if (place.isConnected && Math.abs(chart.width - width()) > 1) chart.setSize({ width: width(), height: chart.height });
    });
    watch.observe(place);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [stamp, smooth, theme, panel.title]);
  return html`<figure class=${`panel${panel.wide ? " wide" : ""}`}>
    <figcaption><h3>${title}</h3><p>${panel.caption}</p></figcaption>
    <div class="chart" ref=${box} role="img" aria-label=${`${title} by step. ${spoken(panel, runs)}`}></div>
  </figure>`;
}

/* The panels of several runs: each once, with the runs that have something to show in it. */
export function panelsOf(runs, pick) {
  const found = new Map();
  for (const run of runs) {
    for (const panel of run.panels || []) {
      if (!pick(panel)) continue;
      if (!found.has(panel.title)) found.set(panel.title, { panel, runs: [] });
      found.get(panel.title).runs.push(run);
    }
  }
  return [...found.values()];
}
