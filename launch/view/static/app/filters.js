/* The filters of answers, as they stand in the address. */
import { html, useEffect, useRef, useState } from "./dom.js";
import { count, ENDINGS, STOPS, SYMBOLS } from "./format.js";

export const SORTS = {
  newest: "newest first", oldest: "oldest first", reward: "highest reward", "-reward": "lowest reward",
  advantage: "highest advantage", "-advantage": "lowest advantage", tokens: "longest", "-tokens": "shortest",
  lag: "largest lag", turns: "most turns", took: "took longest", seconds: "slowest to grade",
};
const BOUNDS = [
  ["step_from", "step from"], ["step_to", "to"], ["tokens_from", "tokens from"], ["tokens_to", "to"],
  ["lag_from", "lag from"], ["turns_from", "turns from"], ["reward_from", "reward from"], ["reward_to", "to"],
  ["advantage_from", "advantage from"], ["advantage_to", "to"], ["group", "group"],
];
export const LISTS = ["shelf", "outcome", "task", "source", "mode", "kind", "stop", "ending"];
export const SINGLE = [...BOUNDS.map(([name]) => name), "prompt", "used", "text", "sort"];

const NO_SHELF = -1;

/* What the server is asked: what the address holds, and of the runs those that are shown. */
export function asked(parameters, state, hidden) {
  const values = {};
  for (const name of LISTS) {
    const found = parameters.getAll(name);
    if (found.length) values[name] = found;
  }
  for (const name of SINGLE) if (parameters.get(name)) values[name] = parameters.get(name);
  if (!values.shelf && hidden.length) {
    values.shelf = state.shelves.filter((shelf) => !hidden.includes(shelf.run)).map((shelf) => shelf.number);
    if (!values.shelf.length) values.shelf = [NO_SHELF]; // no list at all would mean every shelf
  }
  return values;
}

export const shelfName = (state, shelf) => {
  const run = state.runs[shelf.run]?.name ?? "";
  const set = ["training", "plumb eval"].includes(shelf.set) ? shelf.set : `evaluation ${shelf.set}`;
  return state.runs.length > 1 ? `${run}, ${set}` : set;
};

/* A field that tells what was typed once typing pauses. */
function Late({ value, change, ...rest }) {
  const [typed, type] = useState(value);
  const told = useRef(value);
  const tell = () => {
    if (typed === told.current) return;
    told.current = typed;
    change(typed);
  };
  // What comes back of what was typed here is no news: more may have been typed since.
  useEffect(() => {
    if (value !== told.current) type(value);
    told.current = value;
  }, [value]);
  useEffect(() => {
    if (typed === told.current) return undefined;
    const timer = setTimeout(tell, 250);
    return () => clearTimeout(timer);
  }, [typed]);
  return html`<input value=${typed} onInput=${(event) => type(event.target.value)} onBlur=${tell} ...${rest} />`;
}

function Choices({ name, label, shown = true, values, chosen, toggle, words = {} }) {
  if (values.length < 2 && !chosen.length) return null;
  return html`<fieldset>
    <legend class=${shown ? "" : "sr"}>${label}</legend>
    ${values.slice(0, 10).map(([value, number]) => html`<button key=${value} type="button" data-filter=${`${name}=${value}`}
      aria-pressed=${String(chosen.includes(String(value)))} onClick=${() => toggle(name, value)}>
      ${SYMBOLS[value] ? html`<span aria-hidden="true">${SYMBOLS[value]} </span>` : ""}${words[value] || value || "none"}
      ${" "}<span class="count">${count(number)}</span></button>`)}
  </fieldset>`;
}

export function Filters({ state, parameters, change, counts }) {
  const [more, setMore] = useState(false);
  const set = (name, value) => change((next) => (value === "" || value === null ? next.delete(name) : next.set(name, value)));
  const toggle = (name, value) => change((next) => {
    const others = next.getAll(name).filter((one) => one !== String(value));
    const had = others.length < next.getAll(name).length;
    next.delete(name);
    [...others, ...(had ? [] : [String(value)])].forEach((one) => next.append(name, one));
  });
  const facet = (name, label, words, shown = true) => html`<${Choices} name=${name} label=${label} shown=${shown} words=${words}
    values=${counts?.[name] ?? []} chosen=${parameters.getAll(name)} toggle=${toggle} />`;
  const set_ = BOUNDS.filter(([name]) => parameters.get(name)).length + (parameters.get("prompt") ? 1 : 0) + (parameters.get("used") ? 1 : 0)
    + ["kind", "stop", "ending", "source"].filter((name) => parameters.getAll(name).length).length;
  const text = parameters.get("text") || "";
  return html`<form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label><span class="sr">Search the texts</span><${Late} type="search" id="search" placeholder="Search texts ( / )" title=${"Whole words, all of them; \"phrases in quotes\" as they stand"}
      value=${text} change=${(value) => set("text", value)} maxlength="500" /></label>
    ${state.shelves.length > 1 && html`<label>of <select aria-label="Where the answers are from" value=${parameters.getAll("shelf")[0] ?? ""}
      onChange=${(event) => set("shelf", event.target.value)}>
      <option value="">everything</option>
      ${state.shelves.map((shelf) => html`<option key=${shelf.number} value=${shelf.number}>${shelfName(state, shelf)}</option>`)}
    </select></label>`}
    ${facet("outcome", "outcome", {}, false)}
    ${facet("task", "task", {}, false)}
    ${facet("mode", "mode")}
    <label>in order <select aria-label="Order" value=${text ? "newest" : parameters.get("sort") ?? "newest"} disabled=${Boolean(text)}
      title=${text ? "Found texts come newest first" : ""} onChange=${(event) => set("sort", event.target.value === "newest" ? "" : event.target.value)}>
      ${Object.entries(SORTS).map(([name, label]) => html`<option key=${name} value=${name}>${label}</option>`)}
    </select></label>
    <button type="button" aria-expanded=${String(more)} onClick=${() => setMore(!more)}>More filters${set_ ? ` (${set_})` : ""}</button>
    ${[...parameters.keys()].some((name) => name !== "open" && name !== "view") && html`<button type="button" onClick=${() => change((next) => {
      for (const name of [...LISTS, ...SINGLE]) next.delete(name);
    })}>Clear</button>`}
    ${more && html`<div class="more-filters">
      ${facet("source", "source")}
      ${facet("kind", "reason")}
      ${facet("stop", "ended", STOPS)}
      ${facet("ending", "its group was", ENDINGS)}
      ${BOUNDS.map(([name, label]) => html`<label key=${name}>${label} <${Late} class="small" type="number" step="any" aria-label=${label === "to" ? `${name.split("_")[0]} to` : label}
        name=${name} value=${parameters.get(name) ?? ""} change=${(value) => set(name, value)} /></label>`)}
      <label>prompt id <${Late} name="prompt" value=${parameters.get("prompt") ?? ""} change=${(value) => set("prompt", value)} /></label>
      <label>trained on <select aria-label="Trained on" value=${parameters.get("used") ?? ""} onChange=${(event) => set("used", event.target.value)}>
        <option value="">either</option><option value="true">yes</option><option value="false">no</option></select></label>
    </div>`}
  </form>`;
}
