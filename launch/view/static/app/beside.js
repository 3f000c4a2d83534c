/* A group's answers beside each other, and how they differ from one of them. */
import { html, script, useEffect, useState } from "./dom.js";
import { ask, send } from "./api.js";
import { count, figure, signed } from "./format.js";
import { Verdict } from "./sample.js";

const AT_ONCE = 8;
const LONGEST = 20_000; // characters of which differences are looked for
const MILLISECONDS = 250;

const textOf = (sample) => (sample.messages.length
  ? sample.messages.map((one) => `${one.role}: ${one.content || ""}`).join("\n\n") : sample.response || "");

function difference(base, text) {
  if (base.length > LONGEST || text.length > LONGEST) return null;
  return window.Diff.diffWordsWithSpace(base, text, { timeout: MILLISECONDS }) || null;
}

export function Beside({ id, open, say }) {
  const [rows, setRows] = useState(null);
  const [samples, setSamples] = useState({});
  const [first, setFirst] = useState(0);
  const [base, setBase] = useState(id);
  const [differs, setDiffers] = useState(true);
  const [ready, setReady] = useState(false);
  const [error, setError] = useState("");
  const [graded, setGraded] = useState({});
  useEffect(() => {
    setRows(null);
    setBase(id);
    setGraded({});
    ask("group", { id }).then((found) => {
      setRows(found);
      const at = found.findIndex((row) => row.id === id);
      setFirst(Math.floor(Math.max(0, at) / AT_ONCE) * AT_ONCE);
    }).catch((problem) => setError(problem.message));
    script("diff/diff.min.js").then(() => setReady(true));
  }, [id]);
  const shown = rows ? rows.slice(first, first + AT_ONCE) : [];
  useEffect(() => {
    let here = true;
    for (const one of [...shown.map((row) => row.id), base]) {
      if (samples[one]) continue;
      ask("sample", { id: one }).then((sample) => here && setSamples((known) => ({ ...known, [one]: sample }))).catch(() => {});
    }
    return () => { here = false; };
  }, [rows, first, base]);
  if (error) return html`<p class="error">${error}</p>`;
  if (!rows) return html`<p class="quiet" aria-busy="true">Reading the group …</p>`;
  const grade = () => send("regrade", { ids: rows.map((row) => row.id).slice(0, 64) })
    .then((found) => {
      setGraded(Object.fromEntries(found.map((one) => [one.id, one])));
      say(`${found.filter((one) => one.outcome === "correct").length} of ${found.length} are correct now`);
    }).catch((problem) => setError(problem.message));
  const right = rows.filter((row) => row.outcome === "correct").length;
  return html`
    <div class="actions">
      <span class="quiet">${count(rows.length)} answers, ${count(right)} right</span>
      <button aria-pressed=${String(differs)} onClick=${() => setDiffers(!differs)}>Differences</button>
      <button onClick=${grade}>Grade all anew</button>
      ${rows.length > AT_ONCE && html`
        <button disabled=${first === 0} onClick=${() => setFirst(Math.max(0, first - AT_ONCE))}>Earlier</button>
        <button disabled=${first + AT_ONCE >= rows.length} onClick=${() => setFirst(first + AT_ONCE)}>Further</button>
        <span class="quiet">${first + 1} to ${Math.min(rows.length, first + AT_ONCE)}</span>`}
    </div>
    <div class="beside" tabindex="0" aria-label="The group's answers">
      ${shown.map((row) => html`<${One} key=${row.id} row=${row} sample=${samples[row.id]} base=${samples[base]}
        isBase=${row.id === base} differs=${differs && ready} setBase=${setBase} open=${open} graded=${graded[row.id]} />`)}
    </div>`;
}

function One({ row, sample, base, isBase, differs, setBase, open, graded }) {
  const text = sample && textOf(sample);
  const found = differs && sample && base && !isBase ? difference(textOf(base), text) : null;
  return html`<article class=${`one${isBase ? " base" : ""}`} aria-label=${`Answer ${row.episode}`}>
    <div><${Verdict} outcome=${row.outcome} used=${row.used} /> <span class="quiet">answer ${row.episode} · ${figure(row.reward)} · ${signed(row.advantage)} · ${count(row.tokens)} tokens</span></div>
    ${graded && html`<p class="quiet">now <b>${graded.outcome}</b>, ${figure(graded.reward)}</p>`}
    <div class="actions">
      <button disabled=${isBase} onClick=${() => setBase(row.id)}>${isBase ? "Compared with" : "Compare with this"}</button>
      <button onClick=${() => open(row.id)}>Open</button>
    </div>
    <div class="body" tabindex="0">${!sample ? "…" : found
      ? found.map((part, index) => (part.added ? html`<ins key=${index}>${part.value}</ins>` : part.removed ? html`<del key=${index}>${part.value}</del>` : part.value))
      : text}</div>
  </article>`;
}
