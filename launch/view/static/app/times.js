/* Where the time goes: phases of steps, idle engines and learner, and what was slow by name. */
import { html } from "./dom.js";
import { useAsked } from "./asking.js";
import { clock, count, figure, seconds, share } from "./format.js";
import { Chart, panelsOf } from "./charts.js";
import { asked, shelfName } from "./filters.js";

const PHASES = ["generate", "grade", "learn", "sync", "record", "evaluate", "checkpoint", "export", "other"];
const BESIDE = ["Idle", "Throughput", "Tokens", "Lag", "Canary"];

const sum = (values) => (values || []).reduce((total, value) => total + (value ?? 0), 0);

export function Times({ state, curves, hidden, theme, show }) {
  const filter = asked(new URLSearchParams(), state, hidden);
  const { found, error } = useAsked("times", filter, `${state.version} ${state.runs.map((run) => run.stamp)}`);
  const shown = curves.filter((run) => !hidden.includes(run.run) && run.steps);
  return html`
    <h2>Where each step's time goes</h2>
    <${Phases} runs=${shown} />
    <div class="panels" style="margin-top: 14px">
      ${panelsOf(shown, (panel) => panel.title === "Where the time goes").flatMap(({ panel, runs }) => runs.map((run) =>
        html`<${Chart} key=${run.run} panel=${panel} runs=${[run]} theme=${theme} title=${shown.length > 1 ? `${panel.title}: ${run.name}` : panel.title} />`))}
      ${panelsOf(shown, (panel) => BESIDE.includes(panel.title)).map(({ panel, runs }) =>
        html`<${Chart} key=${panel.title} panel=${panel} runs=${runs} smooth=${4} theme=${theme} />`)}
    </div>
    ${error && html`<p class="error">${error}</p>`}
    ${found && html`<${Slow} found=${found} state=${state} hidden=${hidden} show=${show} />`}`;
}

/* Each phase's share of the time of all steps. */
function Phases({ runs }) {
  if (!runs.length) return html`<p class="quiet">No step has been recorded yet.</p>`;
  const shares = (run) => PHASES.map((name) => sum(run.columns[`seconds.${name}`]));
  const last = (run, key) => (run.columns[key] || []).filter((value) => value !== null).slice(-1)[0];
  return html`<div class="scroll"><table>
    <thead><tr><th scope="col">run</th>${PHASES.map((name) => html`<th scope="col" class="figure" key=${name}>${name}</th>`)}
      <th scope="col" class="figure">all</th><th scope="col" class="figure">engines idle</th><th scope="col" class="figure">learner idle</th></tr></thead>
    <tbody>${runs.map((run) => {
      const parts = shares(run);
      const all = sum(parts);
      return html`<tr key=${run.run}><th scope="row">${run.name}</th>
        ${parts.map((part, index) => html`<td class="figure" key=${index}>${all ? share(part / all) : "–"}</td>`)}
        <td class="figure">${seconds(all)}</td>
        <td class="figure">${share(last(run, "idle.engines"))}</td><td class="figure">${share(last(run, "idle.learner"))}</td></tr>`;
    })}</tbody></table></div>
    <p class="quiet">Shares of the time of all steps; idle as of the last step.</p>`;
}

function Slow({ found, state, hidden, show }) {
  const runs = found.runs.filter((run) => !hidden.includes(run.run));
  const named = (run) => (state.runs.length > 1 ? state.runs[run.run].name : "");
  const verifiers = runs.flatMap((run) => run.verifiers.map((one) => ({ ...one, run: named(run) })));
  const calls = runs.flatMap((run) => run.calls.map((one) => ({ ...one, run: named(run) }))).sort((a, b) => b.seconds - a.seconds).slice(0, 15);
  const engines = runs.flatMap((run) => run.engines.map((one) => ({ ...one, run: named(run) })));
  const speeds = runs.flatMap((run) => run.speeds.map((one) => ({ ...one, run: named(run) })));
  const faults = runs.flatMap((run) => run.faults.map((one) => ({ ...one, run: named(run) }))).sort((a, b) => b.time - a.time);
  const prompt = (id) => html`<button class="plain" onClick=${() => show({ prompt: id })}>${id}</button>`;
  const answer = (one) => html`<${Prompt} one=${one} state=${state} go=${() => show({ ...promptOf(one), open: one.id })} />`;
  return html`<div class="columns">
    <section><h2>Slowest prompts</h2><${Rows} none="No answers are recorded." heads=${["prompt", "slowest answer", "most tokens", "mean tokens", "turns", "reward"]}
      rows=${found.slowest.slice(0, 15).map((one) => [answer(one), seconds(one.took), count(one.longest), figure(one.tokens, 1), count(one.turns), figure(one.reward)])} />
      <p class="quiet">How long their episodes took, with calls of tools and without grading; by tokens where no times were kept.</p></section>
    <section><h2>Slowest to grade</h2><${Rows} none="No call is recorded." heads=${["prompt", "verifier", "step", "seconds"]} words=${2}
      rows=${calls.map((one) => [prompt(one.prompt), `${one.verifier}${one.run ? `, ${one.run}` : ""}`, one.step, seconds(one.seconds)])} /></section>
    <section><h2>Verifiers</h2><${Rows} none="No call is recorded." heads=${["verifier", "slowest call", "times among a step's slowest"]}
      rows=${verifiers.map((one) => [`${one.verifier}${one.run ? `, ${one.run}` : ""}`, seconds(one.slowest), count(one.calls)])} /></section>
    ${speeds.length > 0 && html`<section style="grid-column: 1 / -1"><h2>Engines, the slowest first</h2><${Rows}
      heads=${["engine", "turns", "tokens", "tokens/s of a request", "slowest turn", "contexts cached"]}
      rows=${speeds.map((one) => [`engine ${one.engine}${one.run ? `, ${one.run}` : ""}`, count(one.turns), count(one.tokens), figure(one.speed), seconds(one.slowest), share(one.cached)])} />
      <p class="quiet">Of step ${speeds[0].step}.</p></section>`}
    <section><h2>Engines that were waited for or lost</h2><${Rows} none="No engine has been waited for or lost." heads=${["engine", "times", "what was said last"]} words=${3} first=${1}
      rows=${engines.map((one) => [`${one.engine}${one.run ? `, ${one.run}` : ""}`, count(one.count), one.lines[0]])} /></section>
    ${faults.length > 0 && html`<section style="grid-column: 1 / -1"><h2>Faults</h2><${Rows} heads=${["time, UTC", "what happened"]} words=${2}
      rows=${faults.map((one) => [clock(one.time), `${one.run ? `${one.run}: ` : ""}${one.line}`])} /></section>`}
  </div>`;
}

/* The filter for a prompt's answers: another set may have one of the same id. */
export const promptOf = (one) => ({ prompt: one.prompt_id, shelf: one.shelf, ...(one.source ? { source: one.source } : {}) });

export function Prompt({ one, state, go }) {
  const shelf = state.shelves[one.shelf];
  const where = [state.shelves.length > 1 && shelf ? shelfName(state, shelf) : "", one.source].filter(Boolean).join(", ");
  return html`<button class="plain" onClick=${go}>${one.prompt_id}</button>${where && html` <span class="quiet">${where}</span>`}`;
}

export function Rows({ heads, rows, none = "None.", words = 1 }) {
  if (!rows.length) return html`<p class="quiet">${none}</p>`;
  return html`<div class="scroll"><table>
    <thead><tr>${heads.map((head, at) => html`<th scope="col" key=${head} class=${at < words ? "" : "figure"}>${head}</th>`)}</tr></thead>
    <tbody>${rows.map((row, index) => html`<tr key=${index}>${row.map((cell, at) => html`<td key=${at} class=${at < words ? "" : "figure"}>${cell}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
