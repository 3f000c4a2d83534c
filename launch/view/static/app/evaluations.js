/* Every evaluation of every run: curves of each set, and a table. */
import { html } from "./dom.js";
import { useAsked } from "./asking.js";
import { count, figure, runColour, seconds, share } from "./format.js";
import { Chart } from "./charts.js";

/* The measurements of a set as one run of charts a run. */
function curvesOf(found, set, state, stamp) {
  return state.runs.map((run) => {
    const own = found.filter((one) => one.run === run.number && one.set === set);
    const columns = { accuracy: own.map((one) => one.accuracy), low: own.map((one) => one.interval?.[0] ?? null), high: own.map((one) => one.interval?.[1] ?? null), majority: own.map((one) => one.majority ?? null) };
    for (const one of own) for (const k of Object.keys(one.pass_at || {})) columns[`pass.${k}`] ??= own.map((other) => other.pass_at?.[k] ?? null);
    return { run: run.number, name: run.name, steps: own.map((one) => one.step), columns, stamp };
  }).filter((run) => run.steps.length);
}

function panelOf(set, runs) {
  const ks = [...new Set(runs.flatMap((run) => Object.keys(run.columns)))].filter((key) => /^pass\.\d+$/.test(key) && key !== "pass.1");
  return {
    title: set, wide: true, unit: "share", caption: "Share of right answers with its 95% interval.",
    series: [
      { key: "accuracy", label: "accuracy", style: "points", colour: 2, low: "low", high: "high" },
      ...ks.map((key, index) => ({ key, label: `pass@${key.slice(5)}`, style: "points", colour: [1, 3, 5][index % 3] })),
      { key: "majority", label: "majority", style: "points", colour: 4 },
    ],
  };
}

export function Evaluations({ state, hidden, theme, show }) {
  const { found, error, stamp } = useAsked("evaluations", {}, String(state.runs.map((run) => run.stamp)));
  if (!found) return error ? html`<p class="error">${error}</p>` : html`<p class="quiet" aria-busy="true">Reading …</p>`;
  const shown = found.filter((one) => !hidden.includes(one.run));
  const sets = [...new Set(shown.map((one) => one.set))].sort();
  if (!sets.length) return html`<h2>Evaluations</h2><p class="quiet">None has been recorded.</p>`;
  const shelf = (one) => state.shelves.find((other) => other.run === one.run && (other.set === one.set || other.set === "plumb eval"));
  const of = (one) => (shelf(one).set === "plumb eval" ? { source: one.set } : { step_from: one.step, step_to: one.step });
  return html`<h2>Evaluations</h2>
    ${error && html`<p class="error">${error}</p>`}
    <div class="panels">${sets.map((set) => {
      const runs = curvesOf(shown, set, state, stamp);
      return html`<${Chart} key=${set} panel=${panelOf(set, runs)} runs=${runs} theme=${theme} />`;
    })}</div>
    <h2>All of them</h2>
    <div class="scroll"><table><thead><tr>
      <th scope="col">set</th>${state.runs.length > 1 && html`<th scope="col">run</th>`}<th scope="col" class="figure">step</th><th scope="col" class="figure">accuracy</th>
      <th scope="col" class="figure">95% interval</th><th scope="col" class="figure">pass@k</th><th scope="col" class="figure">majority</th>
      <th scope="col" class="figure">prompts</th><th scope="col" class="figure">tokens</th><th scope="col" class="figure">cut</th><th scope="col" class="figure">time</th><th scope="col"><span class="sr">its answers</span></th></tr></thead>
    <tbody>${[...shown].sort((a, b) => a.set.localeCompare(b.set) || b.step - a.step || a.run - b.run).map((one) => html`<tr key=${`${one.run} ${one.set} ${one.step}`}>
      <th scope="row">${one.set}</th>${state.runs.length > 1 && html`<td><span class="swatch" style=${`--run: ${runColour(one.run)}`}></span>${state.runs[one.run].name}</td>`}
      <td class="figure">${one.step}</td><td class="figure"><b>${share(one.accuracy)}</b></td>
      <td class="figure">${one.interval ? `${share(one.interval[0])} to ${share(one.interval[1])}` : "–"}</td>
      <td class="figure">${Object.entries(one.pass_at || {}).filter(([k]) => k !== "1").map(([k, value]) => `@${k} ${share(value)}`).join(", ") || "–"}</td>
      <td class="figure">${share(one.majority)}</td><td class="figure">${count(one.prompts)}</td><td class="figure">${figure(one.response_tokens_mean, 1)}</td>
      <td class="figure">${share(one.truncated)}</td><td class="figure">${seconds(one.seconds)}</td>
      <td>${shelf(one) && html`<button class="plain" onClick=${() => show({ shelf: shelf(one).number, ...of(one) })}>answers</button>`}</td>
    </tr>`)}</tbody></table></div>`;
}
