/* One answer with all that is known of it. */
import { html, useState } from "./dom.js";
import { ask, send } from "./api.js";
import { useAsked } from "./asking.js";
import { count, ENDINGS, figure, length, seconds, signed, STOPS, SYMBOLS } from "./format.js";
import { Answer, Thinking } from "./rich.js";
import { Conversation } from "./turns.js";
import { Tokens } from "./tokens.js";
import { Beside } from "./beside.js";

export const VIEWS = { answer: "Answer", raw: "Raw text", tokens: "Tokens", group: "Group" };

export function Verdict({ outcome, used }) {
  const known = SYMBOLS[outcome] ? outcome : "ungradable";
  return html`<span class=${`verdict ${known}${used === false ? " unused" : ""}`}>
    <span aria-hidden="true">${SYMBOLS[known]}</span> ${outcome || "not graded"}</span>`;
}

export function Sample({ id, version, view, setView, close, open, say }) {
  const asked = useAsked("sample", { id }, version);
  const { found: sample, error } = asked.current ? asked : {};
  const head = html`<button class="icon" onClick=${close} aria-label="Close the answer" title="Close (Esc)">✕</button>`;
  if (!sample && error) return html`<section class="sample" aria-label="Answer"><header><p class="error">${error}</p>${head}</header></section>`;
  const own = `${id} ${sample?.response}`; // of a step that was sampled anew it is another answer
  if (!sample) return html`<section class="sample" aria-label="Answer" aria-busy="true"><header><p class="quiet">Reading …</p>${head}</header></section>`;
  return html`<section class="sample" aria-label=${`Answer to ${sample.prompt_id}`}>
    <header>
      <h2>${sample.prompt_id}</h2>${head}
    </header>
    ${error && html`<p class="error">${error}</p>`}
    <${Facts} sample=${sample} />
    <${Reason} sample=${sample} />
    <${Actions} key=${own} sample=${sample} say=${say} />
    <div class="tabs" role="tablist" aria-label="How the answer is shown">
      ${Object.entries(VIEWS).map(([name, label]) => html`<button role="tab" key=${name} id=${`tab-${name}`}
        aria-selected=${String(view === name)} aria-controls="shown-answer" onClick=${() => setView(name)}>${label}</button>`)}
    </div>
    <div id="shown-answer" role="tabpanel" aria-labelledby=${`tab-${view}`}>
      ${view === "answer" && html`<${Reading} sample=${sample} />`}
      ${view === "raw" && html`<${Raw} sample=${sample} />`}
      ${view === "tokens" && html`<${Tokens} key=${own} id=${id} version=${version} sample=${sample} />`}
      ${view === "group" && html`<${Beside} key=${id} id=${id} version=${version} open=${open} say=${say} />`}
    </div>
  </section>`;
}

function Facts({ sample }) {
  const facts = [
    [["training", "plumb eval"].includes(sample.set) ? sample.run : `${sample.run}, evaluation ${sample.set}`, "run"],
    [count(sample.step), "step"],
    [sample.group, "group"],
    [sample.episode, "answer"],
    [sample.task, "task"],
    [sample.source, "source"],
    [sample.level, "level"],
    [sample.mode, "mode"],
    [figure(sample.reward), "reward"],
    [sample.advantage === undefined ? null : signed(sample.advantage), "advantage"],
    [sample.score === null || sample.score === undefined ? null : figure(sample.score), "score"],
    [sample.chosen && sample.score !== null ? "yes" : null, "chosen as the best"],
    [count(sample.tokens), "tokens"],
    [count(sample.prompt_tokens), "tokens of the prompt"],
    [sample.lag, "lag"],
    [sample.policy_version, "policy version"],
    [sample.turns > 1 ? sample.turns : null, "turns"],
    [sample.seconds === null || sample.seconds === undefined ? null : seconds(sample.seconds), "took"],
    [sample.turns === 1 && sample.turn_records?.[0]?.engine !== null ? sample.turn_records?.[0]?.engine : null, "engine"],
    [STOPS[sample.stop_reason] || sample.stop_reason, "ended"],
    [(ENDINGS[sample.ending] || sample.ending || "").replace(/^group /, ""), "its group"],
    [sample.metrics?.seconds === undefined ? null : seconds(sample.metrics.seconds), "graded in"],
  ].filter(([value]) => value !== null && value !== undefined && value !== "");
  return html`<div class="facts-list">
    <${Verdict} outcome=${sample.outcome} used=${sample.used} />
    ${facts.map(([value, name]) => html`<span key=${name}>${name} <b>${value}</b></span>`)}
  </div>
  <${Numbers} metrics=${sample.metrics || {}} />`;
}

/* What verifier and environment measured; what is zero stands behind what is not. */
function Numbers({ metrics }) {
  const all = Object.entries(metrics).filter(([name]) => name !== "seconds");
  if (!all.length) return null;
  const some = all.filter(([, value]) => value !== 0);
  const one = ([name, value]) => html`<span key=${name}>${name} <b>${figure(value)}</b></span>`;
  if (all.length < 5) return html`<div class="facts-list">${all.map(one)}</div>`;
  return html`<details class="numbers"><summary>measured: ${some.length
    ? some.slice(0, 6).map(([name, value]) => `${name} ${figure(value)}`).join(", ") : "nothing but zeros"}${some.length > 6 ? " …" : ""}</summary>
    <div class="facts-list">${all.map(one)}</div></details>`;
}

function Reason({ sample }) {
  const failure = sample.failure;
  return html`
    ${sample.reason && html`<p class=${`reason ${sample.outcome}`}><span class="quiet">Verifier: </span>${sample.reason}</p>`}
    ${failure && html`<div class="failure" aria-label="The test that failed">
      ${failure.case !== undefined && html`<p class="quiet">test ${failure.case + 1} of ${failure.of}${failure.where ? `, ${failure.where}` : ""}</p>`}
      ${["input", "expected", "got"].filter((name) => failure[name] !== undefined).map((name) =>
        html`<div key=${name}><span class="quiet">${name}</span><pre>${failure[name] === "" ? "(nothing)" : failure[name]}</pre></div>`)}
    </div>`}`;
}

function Actions({ sample, say }) {
  const [graded, setGraded] = useState(null);
  const [busy, setBusy] = useState(false);
  const grade = async () => {
    setBusy(true);
    setGraded(null);
    try {
      const [one] = await send("regrade", { ids: [sample.id] });
      setGraded(one);
      say(`${sample.prompt_id} graded anew: ${one.outcome}`);
    } catch (error) {
      setGraded({ error: error.message });
    }
    setBusy(false);
  };
  const copyRow = async () => {
    try {
      const [one] = await send("verify_row", { ids: [sample.id] });
      await copy(JSON.stringify(one.row));
      say(`copied: a row of plumb verify --task ${one.task}`);
    } catch (error) {
      say(error.message);
    }
  };
  const link = () => copy(window.location.href).then(() => say("copied: the address of this answer"), (error) => say(error.message));
  return html`<div class="actions">
      <button onClick=${grade} disabled=${busy} title="By the run's verifiers as they are on the disk now (v)">${busy ? "Grading …" : "Grade anew"}</button>
      <button onClick=${copyRow}>Copy as plumb verify row</button>
      <button onClick=${link}>Copy link</button>
    </div>
    <div aria-live="polite" data-graded>
    ${graded?.error && html`<p class="error">${graded.error}</p>`}
    ${graded && !graded.error && html`<p class=${`reason ${graded.outcome}`}>
      <b>now ${graded.outcome}</b>, reward ${figure(graded.reward)} (was ${sample.outcome}, ${figure(sample.reward)}). ${graded.reason}
      ${graded.note && html`<br /><span class="quiet">${graded.note}</span>`}</p>`}
    </div>`;
}

async function copy(text) {
  if (!navigator.clipboard) throw new Error("this browser lets no page copy here");
  await navigator.clipboard.writeText(text);
}

/* A prompt by who speaks in it, where it is a question, with a system message before it or not. */
function spoken(prompt) {
  const found = /^(?:system: ([\s\S]*?)\n)?user: ([\s\S]*)$/.exec(prompt);
  if (!found || /\n(assistant|tool): /.test(found[2])) return [["prompt", prompt]];
  return found[1] === undefined ? [["user", found[2]]] : [["system", found[1]], ["user", found[2]]];
}

function Reading({ sample }) {
  if (sample.messages.length) return html`<${Conversation} sample=${sample} />`;
  return html`
    ${spoken(sample.prompt || "").map(([role, text], index) => html`<div class=${`turn ${role}`} key=${index}>
      <div class="role">${role}</div><${Answer} text=${text} /></div>`)}
    <${Rest} sample=${sample} name="prompt" />
    <div class="turn assistant"><div class="role">answer</div>
      ${sample.thinking && html`<${Thinking} text=${sample.thinking} />`}<${Answer} text=${sample.response} opened=${sample.opened} />
      <${Rest} sample=${sample} name="response" /></div>
    ${sample.reference && html`<div class="turn"><div class="role">reference</div><div class="raw" tabindex="0">${sample.reference}</div></div>`}`;
}

function Raw({ sample }) {
  const texts = [["prompt", "prompt"], ["response", "answer"], ["reference", "reference"]];
  return html`
    ${texts.map(([name, label]) => sample[name] && html`<div key=${name}><h3>${label}</h3>
      <div class="raw" tabindex="0">${sample[name]}</div><${Rest} sample=${sample} name=${name} /></div>`)}
    ${sample.messages.length > 0 && html`<h3>conversation</h3>
      <div class="raw" tabindex="0">${JSON.stringify(sample.messages, null, 1)}</div>`}`;
}

/* The part of a long text that did not come along. */
export function Rest({ sample, name }) {
  const whole = sample.cut[name];
  if (!whole) return null;
  const came = name.startsWith("messages.") ? sample.messages[Number(name.slice(9))].content : sample[name];
  return html`<${More} key=${`${sample.id} ${name} ${came}`} id=${sample.id} name=${name} whole=${whole} came=${length(came)} />`;
}

function More({ id, name, whole, came }) {
  const [more, setMore] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const have = came + length(more);
  const next = () => {
    setBusy(true);
    setError("");
    ask("text", { id, name, offset: have })
      .then((part) => setMore(more + part.text))
      .catch((problem) => setError(problem.message))
      .finally(() => setBusy(false));
  };
  return html`${more && html`<div class="raw" tabindex="0">${more}</div>`}
    ${error && html`<p class="error">${error}</p>`}
    ${have < whole && html`<p class="quiet">${count(whole - have)} more characters <button disabled=${busy} onClick=${next}>Show more</button></p>`}`;
}
