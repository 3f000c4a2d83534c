/* The browser of answers: filters, a list, and the one that is open. */
import { html, useCallback, useEffect, useRef, useState } from "./dom.js";
import { ask } from "./api.js";
import { count, figure } from "./format.js";
import { asked, Filters, shelfName } from "./filters.js";
import { List } from "./list.js";
import { Sample, VIEWS } from "./sample.js";

const PAGE = 100;
const DEEPEST = 10_000; // rows that can be scrolled to
const HITS = 50;
const MOST_HITS = 2_000;

/* Rows by columns: pages of them as they come into sight. */
function usePages(filter, enabled, version) {
  const [pages, setPages] = useState({ of: "", rows: {} });
  const key = JSON.stringify(filter);
  const waiting = useRef(new Set());
  useEffect(() => { waiting.current = new Set(); }, [key, version]);
  const need = useCallback((first, last) => {
    if (!enabled) return;
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page += 1) {
      const name = `${key}#${version}#${page}`;
      if (waiting.current.has(name) || page * PAGE >= DEEPEST) continue;
      waiting.current.add(name);
      ask("rows", { ...filter, offset: page * PAGE, limit: PAGE }).then(({ rows }) => setPages((before) => {
        const kept = before.of === key ? before.rows : {};
        return { of: key, rows: { ...kept, ...Object.fromEntries(rows.map((row, index) => [page * PAGE + index, row])) } };
      })).catch(() => waiting.current.delete(name));
    }
  }, [key, enabled, version]);
  return { rowAt: (index) => (pages.of === key ? pages.rows[index] : undefined), need };
}

/* Rows by their text: hits as they are found, the newest first. */
function useHits(filter, enabled) {
  const empty = { rows: [], next: null, done: false, step: null, error: "" };
  const [hits, setHits] = useState(empty);
  const [wanted, setWanted] = useState(HITS);
  const key = JSON.stringify(filter);
  useEffect(() => {
    setHits(empty);
    setWanted(HITS);
  }, [key, enabled]);
  useEffect(() => {
    if (!enabled || hits.done || hits.rows.length >= Math.min(wanted, MOST_HITS)) return undefined;
    const control = new AbortController();
    const { sort: _, ...rest } = filter;
    ask("search", { ...rest, after: hits.next, limit: HITS }, control.signal).then((found) => setHits({
      rows: [...hits.rows, ...found.rows], next: found.next, step: found.step, done: found.next === null, error: "",
    })).catch((error) => error.name !== "AbortError" && setHits({ ...hits, done: true, error: error.message }));
    return () => control.abort();
  }, [key, enabled, hits, wanted]);
  const need = useCallback((first, last) => setWanted((before) => Math.max(before, last + HITS)), []);
  return { ...hits, need, rowAt: (index) => hits.rows[index] };
}

function useCounts(filter, version) {
  const [counts, setCounts] = useState(null);
  const { text: _, ...rest } = filter;
  const key = JSON.stringify(rest);
  useEffect(() => {
    const control = new AbortController();
    ask("counts", rest, control.signal).then(setCounts).catch(() => {});
    return () => control.abort();
  }, [key, version]);
  return counts;
}

export function Rollouts({ state, parameters, change, hidden, say, commands }) {
  const filter = asked(parameters, state, hidden);
  const searching = Boolean(filter.text);
  const [version, setVersion] = useState(state.version);
  const fresh = useCounts(filter, version);
  const pages = usePages(filter, !searching, version);
  const hits = useHits(filter, searching);
  const [chosen, setChosen] = useState(-1);
  const key = JSON.stringify(filter);
  useEffect(() => setChosen(-1), [key]);
  useEffect(() => {
    if (state.version === version) return;
    // What is being read does not move away under the eyes; at the top, new answers come by themselves.
    const list = document.querySelector("[data-list]");
    const still = !list || list.scrollTop < 40;
    if (still || version < 2 || state.loaded < state.files) setVersion(state.version);
  }, [state.version]);
  const total = searching ? hits.rows.length : Math.min(fresh?.rows ?? 0, DEEPEST);
  const source = searching ? hits : pages;
  const id = parameters.get("open");
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
    <p class="found" role="status">${searching ? foundText(hits, state) : foundRows(fresh, state)}
      ${version !== state.version && html` <button class="plain" onClick=${() => setVersion(state.version)}>Show new answers</button>`}</p>
    <div class=${`browser${id ? " open" : ""}`}>
      <div class="pane">
        <${List} key=${key} total=${total} rowAt=${source.rowAt} need=${source.need} chosen=${chosen} choose=${choose}
          label="Answers" names=${names} />
      </div>
      ${id && html`<${Sample} id=${id} view=${view} close=${() => open(null)} open=${open} say=${say}
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
  if (hits.error) return hits.error;
  const far = hits.done ? "" : hits.step === null ? ", searching …" : `, down to step ${count(hits.step)} so far`;
  const index = state.indexed < state.to_index ? ` Index of texts: ${count(state.indexed)} of ${count(state.to_index)} steps.` : "";
  return `${count(hits.rows.length)} found${far}.${index}`;
}
