/* The browser of answers: filters, a list, and the one that is open. */
import { html, useCallback, useEffect, useReducer, useRef, useState } from "./dom.js";
import { ask } from "./api.js";
import { count, figure } from "./format.js";
import { AGAIN, useAsked } from "./asking.js";
import { asked, Filters, shelfName } from "./filters.js";
import { List } from "./list.js";
import { Sample, VIEWS } from "./sample.js";

const PAGE = 100;
const DEEPEST = 10_000; // rows that can be scrolled to
const HITS = 50;
const MOST_HITS = 2_000;
const SOON = 500; // milliseconds after which a search that waits for columns goes on

/* Rows by columns: pages of them as they come into sight. */
function usePages(filter, enabled, version) {
  const [pages, setPages] = useState({ of: "", rows: {} });
  const key = JSON.stringify(filter);
  const [again, askAgain] = useReducer((number) => number + 1, 0);
  const name = `${key}#${version}`;
  const waiting = useRef({ of: "", pages: new Set() });
  const need = useCallback((first, last) => {
    if (!enabled) return;
    if (waiting.current.of !== name) waiting.current = { of: name, pages: new Set() };
    const { pages: asked } = waiting.current;
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page += 1) {
      if (asked.has(page) || page * PAGE >= DEEPEST) continue;
      asked.add(page);
      ask("rows", { ...filter, offset: page * PAGE, limit: PAGE }).then(({ rows }) => {
        if (waiting.current.of !== name) return; // another question has been asked since
        const come = Object.fromEntries(rows.map((row, index) => [page * PAGE + index, row]));
        setPages((before) => ({ of: key, rows: { ...(before.of === key ? before.rows : {}), ...come } }));
      }).catch((problem) => !problem.final && setTimeout(() => {
        asked.delete(page);
        askAgain();
      }, AGAIN));
    }
  }, [name, enabled, again]);
  return { rowAt: (index) => (pages.of === key ? pages.rows[index] : undefined), need };
}

/* Rows by their text: hits as they are found, the newest first. Of another version of the rows it begins
   anew, and what was found stays in sight until then. */
function useHits(filter, enabled, version) {
  const key = JSON.stringify(filter);
  const name = `${key}#${version}`;
  const empty = { of: name, key, rows: [], old: [], next: null, step: null, done: false, pause: 0, error: "" };
  const [held, hold] = useState(empty);
  const [wanted, setWanted] = useState(HITS);
  useEffect(() => setWanted(HITS), [key]);
  const hits = held.of === name ? held : { ...empty, old: held.key === key ? inSight(held) : [] };
  const whole = hits.done || hits.rows.length >= Math.min(Math.max(wanted, hits.old.length), MOST_HITS);
  useEffect(() => {
    if (!enabled || whole) return undefined;
    const control = new AbortController();
    const { sort: _, ...rest } = filter;
    const look = () => ask("search", { ...rest, after: hits.next, limit: HITS }, control.signal).then((found) => hold({
      ...hits, rows: [...hits.rows, ...found.rows], next: found.next, step: found.step, done: found.next === null,
      pause: found.waits ? SOON : 0, error: "",
    })).catch((problem) => !control.signal.aborted && hold({
      ...hits, done: Boolean(problem.final), pause: AGAIN, error: problem.message,
    }));
    const timer = setTimeout(look, hits.pause);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [name, enabled, held, whole]);
  const need = useCallback((first, last) => setWanted((before) => Math.max(before, last + HITS)), []);
  const rows = inSight(hits);
  return { ...hits, rows, resting: whole, need, rowAt: (index) => rows[index] };
}

/* Hits, or those of before until there are as many again. */
const inSight = ({ done, rows, old }) => (done || rows.length >= Math.min(old.length, MOST_HITS) ? rows : old);

export function Rollouts({ state, parameters, change, hidden, say, commands }) {
  const filter = asked(parameters, state, hidden);
  const searching = Boolean(filter.text);
  const [version, setVersion] = useState(state.version);
  const { text: _, ...columns } = filter;
  const { found: fresh, error: refused, current } = useAsked("counts", columns, version);
  const pages = usePages(filter, !searching, version);
  const hits = useHits(filter, searching, version);
  const [chosen, setChosen] = useState(-1);
  const key = JSON.stringify(filter);
  const reading = state.loaded < state.files;
  const id = parameters.get("open");
  const showNew = () => {
    if (!reading) setChosen(-1); // other answers stand at the places now
    setVersion(state.version);
  };
  useEffect(() => setChosen(-1), [key]);
  useEffect(() => {
    // A search that goes on is not begun anew: with every step that comes it would be, for ever.
    if (state.version === version || (searching && !hits.resting)) return;
    // What is being read does not move away under the eyes; at the top, new answers come by themselves.
    const list = document.querySelector("[data-list]");
    const still = !id && (!list || list.scrollTop < 40);
    if (still || (!searching && (version < 2 || reading))) showNew();
  }, [state.version, searching && !hits.resting, id]);
  const total = searching ? hits.rows.length : Math.min(fresh?.rows ?? 0, DEEPEST);
  const source = searching ? hits : pages;
  const isWhole = searching ? hits.done : current && !refused;
  const view = VIEWS[parameters.get("view")] ? parameters.get("view") : "answer";
  const open = (next) => change((values) => (next ? values.set("open", next) : values.delete("open")));
  const choose = (index) => {
    const row = source.rowAt(index);
    if (!row) return;
    setChosen(index);
    open(row.id);
  };
  commands.current = {
    next: () => choose(Math.min(total - 1, chosen + 1)),
    previous: () => choose(Math.max(0, chosen - 1)),
    close: () => open(null),
    view: (name) => id && change((values) => values.set("view", name)),
    grade: () => [...document.querySelectorAll(".sample .actions button")].find((one) => one.textContent === "Grade anew")?.click(),
  };
  const names = (row) => (state.shelves.length > 1 && state.shelves[row.shelf] ? shelfName(state, state.shelves[row.shelf]) : "");
  return html`
    <${Filters} state=${state} parameters=${parameters} change=${change} counts=${fresh} />
    <p class="found" role="status">${searching ? foundText(hits, state) : refused && current ? refused : foundRows(fresh, state)}
      ${version !== state.version && !reading && html` <button class="plain" onClick=${showNew}>Show new answers</button>`}</p>
    <div class=${`browser${id ? " open" : ""}`}>
      <div class="pane">
        <${List} key=${key} total=${total} rowAt=${source.rowAt} need=${source.need} chosen=${chosen} choose=${choose}
          label="Answers" names=${names} version=${version} none=${isWhole ? "No answer fits. Take a filter away." : ""} />
      </div>
      ${id && html`<${Sample} id=${id} version=${state.version} view=${view} close=${() => open(null)} open=${open} say=${say}
        setView=${(name) => change((values) => values.set("view", name))} />`}
    </div>`;
}

function foundRows(counts, state) {
  if (!counts) return "Counting …";
  const reading = state.loaded < state.files ? ` Reading: ${count(state.loaded)} of ${count(state.files)} steps so far.` : "";
  const mean = counts.reward === null ? "" : `, mean reward ${figure(counts.reward)}`;
  const deep = counts.rows > DEEPEST ? `; the list goes to ${count(DEEPEST)}` : "";
  return `${count(counts.rows)} answers of ${count(counts.groups)} groups${mean}${deep}.${reading}`;
}

function foundText(hits, state) {
  const far = hits.done ? "" : hits.step === null ? ", searching …" : `, down to step ${count(hits.step)} so far`;
  const index = state.indexed < state.to_index ? ` Index of texts: ${count(state.indexed)} of ${count(state.to_index)} steps.` : "";
  return `${count(hits.rows.length)} found${far}.${index}${hits.error ? ` ${hits.error}` : ""}`;
}
