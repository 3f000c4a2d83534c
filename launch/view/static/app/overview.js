/* The first page: the runs, what they do, what they have reached, and their curves. */
import { html, useState } from "./dom.js";
import { count, runColour } from "./format.js";
import { Chart, panelsOf } from "./charts.js";

const isApart = (panel) => panel.series[0]?.style === "stack";

export function Overview({ state, curves, hidden, toggle, theme }) {
  const [smooth, setSmooth] = useState(4);
  const shown = curves.filter((run) => !hidden.includes(run.run) && run.steps);
  return html`
    <h2 class="sr">Runs</h2>
    <ul class="runs">${state.runs.map((run) => html`<${Run} key=${run.number} run=${run} hidden=${hidden.includes(run.number)}
      toggle=${toggle} several=${state.runs.length > 1} lead=${curves[run.number]?.lead} />`)}</ul>
    ${shown.map((run) => html`<${Notes} key=${run.run} run=${run} several=${shown.length > 1} />`)}
    ${shown.length === 1 && html`<${Numbers} run=${shown[0]} />`}
    ${shown.length > 1 && html`<${SideBySide} runs=${shown} />`}
    <h2>Curves</h2>
    <div class="tools">
      <label>Smoothing <input type="range" min="0" max="20" value=${smooth} onInput=${(event) => setSmooth(Number(event.target.value))} /></label>
      <span class="quiet">Drag over a chart to look closer; a double click shows all again.</span>
    </div>
    <div class="panels">
      ${panelsOf(shown, (panel) => !isApart(panel)).map(({ panel, runs }) =>
        html`<${Chart} key=${panel.title} panel=${panel} runs=${runs} smooth=${smooth} theme=${theme} />`)}
    </div>
    ${!shown.length && html`<p class="quiet">No step has been recorded yet; the curves come with the first.</p>`}
    ${shown.map((run) => html`<details class="config" key=${run.run}><summary>Settings of ${run.name}</summary><pre tabindex="0">${run.config}</pre></details>`)}`;
}

function Run({ run, hidden, toggle, several, lead }) {
  const part = run.steps ? Math.min(1, run.step / run.steps) : 0;
  return html`<li class="run" style=${`--run: ${runColour(run.number)}`}>
    <label>${several && html`<input type="checkbox" checked=${!hidden} onChange=${() => toggle(run.number)} />`}${run.name}</label>
    <p class="doing">${run.live && html`<span class="live" aria-hidden="true"></span>`}${run.state}${run.steps ? `, step ${count(run.step)} of ${count(run.steps)}` : ""}</p>
    ${run.steps && html`<div class="progress" role="progressbar" aria-valuenow=${Math.round(100 * part)} aria-valuemin="0" aria-valuemax="100" aria-label=${`Steps of ${run.name}`}><span style=${`width: ${100 * part}%`}></span></div>`}
    ${run.live && run.doing && html`<p>${run.doing}</p>`}
    ${run.live && run.waits_for?.map((line) => html`<p key=${line}>waits for ${line}</p>`)}
    ${lead && html`<p>${lead}</p>`}
    <p>${run.path}</p>
  </li>`;
}

function Notes({ run, several }) {
  if (!run.notes.length && !run.guards.length) return null;
  return html`<div class="notes">${several && html`<b>${run.name}</b>`}<ul>
    ${run.guards.map((one) => html`<li key=${one.guard}><b>${one.guard}</b> ${one.level === "stop" ? "stopped the run" : "warned"}, ${one.when}: ${one.line}</li>`)}
    ${run.notes.map((note) => html`<li key=${note}>${note}</li>`)}</ul></div>`;
}

function Numbers({ run }) {
  return html`<dl class="tiles" aria-label=${`Numbers of ${run.name}`}>${run.tiles.map((tile, index) => html`<div class=${`tile${index ? "" : " first"}`} key=${tile.label}>
    <dt>${tile.label}</dt><dd class="value">${tile.value}</dd><dd class="detail">${tile.detail}</dd></div>`)}</dl>`;
}

/* The same numbers of several runs, a row a number. */
function SideBySide({ runs }) {
  const labels = [...new Set(runs.flatMap((run) => run.tiles.map((tile) => tile.label)))];
  return html`<h2>Side by side</h2><div class="scroll"><table>
    <thead><tr><td></td>${runs.map((run) => html`<th scope="col" key=${run.run}><span class="swatch" style=${`--run: ${runColour(run.run)}`}></span>${run.name}</th>`)}</tr></thead>
    <tbody>${labels.map((label) => html`<tr key=${label}><th scope="row">${label}</th>${runs.map((run) => {
      const tile = run.tiles.find((one) => one.label === label);
      return html`<td key=${run.run}>${tile ? html`<b>${tile.value}</b> <span class="quiet">${tile.detail}</span>` : "–"}</td>`;
    })}</tr>`)}</tbody></table></div>`;
}
