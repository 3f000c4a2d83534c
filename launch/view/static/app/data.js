/* How hard the prompts were, what was foretold of them, and those that are never right. */
import { html } from "./dom.js";
import { useAsked } from "./asking.js";
import { count, figure } from "./format.js";
import { Chart, panelsOf } from "./charts.js";
import { asked } from "./filters.js";
import { Prompt, promptOf, Rows } from "./times.js";

const STRATA = /^(Difficulty|Measured strata) /;
const FORETOLD = [
  ["pass_rate", "Accuracy", "share", "Share of right answers."],
  ["acceptance", "Acceptance rate", "share", "Share of groups that teach something."],
  ["groups", "Groups a step", "", "Groups that were sampled."],
  ["tokens", "Tokens a step", "tokens", "Tokens that were sampled."],
  ["seconds", "Seconds a step", "seconds", "Wall time."],
];

/* A forecast and what came, as a run of charts. */
function foretold({ run, steps }, name, stamp) {
  const columns = {};
  for (const [key] of FORETOLD) {
    columns[`${key}.told`] = steps.map((step) => step[key][0]);
    columns[`${key}.came`] = steps.map((step) => step[key][1]);
  }
  return { run, name, steps: steps.map((step) => step.step), columns, stamp };
}

export function Data({ state, curves, hidden, theme, show }) {
  const filter = asked(new URLSearchParams(), state, hidden);
  const { found, error, stamp } = useAsked("data", filter, `${state.version} ${state.runs.map((run) => run.stamp)}`);
  const shown = curves.filter((run) => !hidden.includes(run.run) && run.steps);
  const strata = panelsOf(shown, (panel) => STRATA.test(panel.title));
  const forecasts = (found?.forecasts ?? []).filter((one) => one.steps.length && !hidden.includes(one.run));
  return html`
    <h2>Curriculum</h2>
    ${!strata.length && html`<p class="quiet">No strata were recorded.</p>`}
    <div class="panels">${strata.flatMap(({ panel, runs }) => runs.map((run) => html`<${Chart} key=${`${panel.title}${run.run}`} panel=${panel} runs=${[run]}
      theme=${theme} title=${shown.length > 1 ? `${panel.title}: ${run.name}` : panel.title} />`))}</div>
    <h2>Forecast and truth</h2>
    ${found && !forecasts.length && html`<p class="quiet">No forecast lies beside the run. <code>plumb data forecast … --json RUN_DIR/forecast.json</code> puts one there.</p>`}
    ${forecasts.map((one) => html`<div class="panels" key=${one.run}>${FORETOLD.map(([key, title, unit, caption]) => html`<${Chart} key=${key}
      panel=${{ title, unit, caption, series: [
        { key: `${key}.told`, label: "foretold", colour: 5, style: "line" }, { key: `${key}.came`, label: "came", colour: 1, style: "line" }] }}
      runs=${[foretold(one, state.runs[one.run].name, stamp)]} theme=${theme}
      title=${state.runs.length > 1 ? `${title}: ${state.runs[one.run].name}` : title} />`)}</div>`)}
    ${error && html`<p class="error">${error}</p>`}
    <h2>Prompts that earn least</h2>
    ${found && html`<${Rows} none="No answers are recorded." words=${2} heads=${["prompt", "task", "answers", "mean reward", "mean tokens"]}
      rows=${found.hardest.map((one) => [html`<${Prompt} one=${one} state=${state} go=${() => show(promptOf(one))} />`,
        one.task, count(one.answers), figure(one.reward), figure(one.tokens, 1)])} />`}`;
}
