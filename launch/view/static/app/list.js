/* A list of many rows, of which only those in sight are in the page. */
import {
  elementScroll, observeElementOffset, observeElementRect, Virtualizer,
} from "../vendor/virtual/index.js";
import { html, useEffect, useLayoutEffect, useReducer, useRef, useState } from "./dom.js";
import { ask } from "./api.js";
import { AGAIN } from "./asking.js";
import { count, ENDINGS, figure, signed } from "./format.js";
import { Verdict } from "./sample.js";

const HEIGHT = 76;

function useVirtual(options) {
  const [, again] = useReducer((number) => number + 1, 0);
  const held = useRef(null);
  const settled = {
    observeElementRect, observeElementOffset, scrollToFn: elementScroll, overscan: 8,
    estimateSize: () => HEIGHT, onChange: () => again(), ...options,
  };
  if (held.current === null) held.current = new Virtualizer(settled);
  held.current.setOptions({ ...held.current.options, ...settled });
  useLayoutEffect(() => held.current._didMount(), []);
  useLayoutEffect(() => held.current._willUpdate());
  return held.current;
}

/* Rows that are asked for as they come into sight. `total` may grow; `rowAt` gives a row or nothing. */
export function List({ total, rowAt, need, chosen, choose, label, names, none, version }) {
  const box = useRef(null);
  const virtual = useVirtual({ count: total, getScrollElement: () => box.current });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => need(first, last), [first, last, total, need]);
  useEffect(() => {
    if (chosen >= 0) virtual.scrollToIndex(chosen, { align: "auto" });
  }, [chosen]);
  const previews = usePreviews(items.map((item) => rowAt(item.index)).filter(Boolean), version);
  return html`<div class="list" ref=${box} role="listbox" tabindex="0" aria-label=${label}
      aria-activedescendant=${chosen >= 0 ? `row-${chosen}` : undefined} data-list>
    ${total === 0 && html`<p class="empty quiet">${none}</p>`}
    <ul role="presentation" style=${`height: ${virtual.getTotalSize()}px`}>
      ${items.map((item) => html`<${Item} key=${item.key} index=${item.index} start=${item.start} row=${rowAt(item.index)}
        preview=${previews[rowAt(item.index)?.id]} chosen=${item.index === chosen} choose=${choose} total=${total} names=${names} />`)}
    </ul>
  </div>`;
}

function Item({ index, start, row, preview, chosen, choose, total, names }) {
  const place = `transform: translateY(${start}px); height: ${HEIGHT}px`;
  if (!row) return html`<li class="item" style=${place} role="presentation"><span class="facts">…</span></li>`;
  const facts = [names(row), row.task, row.source, row.kind, row.stop === "length" ? "cut at its limit" : "", ENDINGS[row.ending] || row.ending];
  return html`<li class="item" id=${`row-${index}`} role="option" style=${place} aria-selected=${String(chosen)} data-id=${row.id}
      aria-setsize=${total} aria-posinset=${index + 1} onClick=${() => choose(index)}>
    <div class="left"><${Verdict} outcome=${row.outcome} used=${row.used} /><br />step ${row.step}<br />group ${row.grp}</div>
    <div class="facts">${facts.filter(Boolean).join(" · ")}</div>
    <div class="text prompt-line">${row.prompt_id}${preview ? ` — ${preview.prompt}` : ""}</div>
    <div class="text">${row.snippet
      ? html`…${row.snippet[0]}<mark>${row.snippet[1]}</mark>${row.snippet[2]}…` : preview?.response ?? "…"}</div>
    <div class="side"><b>${figure(row.reward)}</b><br />${signed(row.advantage)}<br />${count(row.tokens)} tok${row.lag ? `, lag ${row.lag}` : ""}</div>
  </li>`;
}

/* The beginnings of texts of the rows in sight, asked for once each while the rows stay as they are. */
function usePreviews(rows, version) {
  const [known, setKnown] = useState({});
  const [again, askAgain] = useReducer((number) => number + 1, 0);
  const asked = useRef({ version, ids: new Set() });
  if (asked.current.version !== version) asked.current = { version, ids: new Set() };
  const { ids: before } = asked.current;
  const ids = rows.map((row) => row.id).filter((id) => !before.has(id));
  useEffect(() => {
    if (!ids.length) return;
    ids.forEach((id) => before.add(id));
    ask("previews", { id: ids })
      .then((found) => before === asked.current.ids && setKnown((others) => ({ ...others, ...found })))
      .catch((problem) => !problem.final && setTimeout(() => {
        ids.forEach((id) => before.delete(id));
        askAgain();
      }, AGAIN));
  }, [ids.join(), version, again]);
  return known;
}
