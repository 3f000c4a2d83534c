/* A group's answers beside each other, and how they differ from one of them. */
import { html, script, useEffect, useMemo, useState } from "./dom.js";
import { send } from "./api.js";
import { useAsked } from "./asking.js";
import { count, figure, signed } from "./format.js";
import { Verdict } from "./sample.js";

const AT_ONCE = 8;
const GRADED = 64; // answers that are graded by one request
const LONGEST = 20_000; // characters of which differences are looked for
const MILLISECONDS = 250;

const textOf = (sample) => (sample.messages.length
  ? sample.messages.map((one) => `${one.role}: ${one.content || ""}`).join("\n\n") : sample.response || "");

function difference(base, text) {
  if (base.length > LONGEST || text.length > LONGEST) return null;
  return window.Diff.diffWordsWithSpace(base, text, { timeout: MILLISECONDS }) || null;
}

export function Beside({ id, version, open, say }) {
  const { found: rows, error } = useAsked("group", { id }, version);
  const [page, setPage] = useState(null);
  const [base, setBase] = useState(id);
  const [differs, setDiffers] = useState(true);
  const [ready, setReady] = useState(false);
  const [graded, setGraded] = useState({});
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const compared = useAsked("sample", { id: base }, version);
  useEffect(() => {
    script("diff/diff.min.js").then(() => setReady(true), (problem) => setWrong(problem.message));
  }, []);
  useEffect(() => setGraded({}), [JSON.stringify(rows)]); // of a step that was sampled anew
  if (!rows) return error ? html`<p class="error">${error}</p>` : html`<p class="quiet" aria-busy="true">Reading the group …</p>`;
  const own = Math.max(0, rows.findIndex((row) => row.id === id));
  const first = page ?? Math.floor(own / AT_ONCE) * AT_ONCE;
  const grade = async () => {
    setBusy(true);
    setWrong("");
    try {
      let right = 0;
      for (let at = 0; at < rows.length; at += GRADED) {
        const found = await send("regrade", { ids: rows.slice(at, at + GRADED).map((row) => row.id) });
        right += found.filter((one) => one.outcome === "correct").length;
        setGraded((before) => ({ ...before, ...Object.fromEntries(found.map((one) => [one.id, one])) }));
      }
      say(`${right} of ${rows.length} are correct now`);
    } catch (problem) {
      setWrong(problem.message);
    }
    setBusy(false);
  };
  const right = rows.filter((row) => row.outcome === "correct").length;
  return html`
    ${(wrong || error) && html`<p class="error">${wrong || error}</p>`}
    <div class="actions">
      <span class="quiet">${count(rows.length)} answers, ${count(right)} right</span>
      <button aria-pressed=${String(differs)} onClick=${() => setDiffers(!differs)}>Differences</button>
      <button onClick=${grade} disabled=${busy}>${busy ? "Grading …" : "Grade all anew"}</button>
      ${rows.length > AT_ONCE && html`
        <button disabled=${first === 0} onClick=${() => setPage(Math.max(0, first - AT_ONCE))}>Earlier</button>
        <button disabled=${first + AT_ONCE >= rows.length} onClick=${() => setPage(first + AT_ONCE)}>Further</button>
        <span class="quiet">${first + 1} to ${Math.min(rows.length, first + AT_ONCE)}</span>`}
    </div>
    <div class="beside" tabindex="0" aria-label="The group's answers">
      ${rows.slice(first, first + AT_ONCE).map((row) => html`<${One} key=${row.id} row=${row} version=${version} base=${compared.current ? compared.found : null}
        isBase=${row.id === base} differs=${differs && ready} setBase=${setBase} open=${open} graded=${graded[row.id]} />`)}
    </div>`;
}

function One({ row, version, base, isBase, differs, setBase, open, graded }) {
  const { found: sample, error } = useAsked("sample", { id: row.id }, version);
  const text = sample && textOf(sample);
  const other = base && textOf(base);
  const found = useMemo(() => (differs && sample && base && !isBase ? difference(other, text) : null), [differs, text, other, isBase]);
  return html`<article class=${`one${isBase ? " base" : ""}`} aria-label=${`Answer ${row.episode}`}>
    <div><${Verdict} outcome=${row.outcome} used=${row.used} /> <span class="quiet">answer ${row.episode} · ${figure(row.reward)} · ${signed(row.advantage)} · ${count(row.tokens)} tokens</span></div>
    ${graded && html`<p class="quiet">now <b>${graded.outcome}</b>, ${figure(graded.reward)}</p>`}
    <div class="actions">
      <button disabled=${isBase} onClick=${() => setBase(row.id)}>${isBase ? "Compared with" : "Compare with this"}</button>
      <button onClick=${() => open(row.id)}>Open</button>
    </div>
    <div class="body" tabindex="0">${!sample ? error || "…" : found
      ? found.map((part, index) => (part.added ? html`<ins key=${index}>${part.value}</ins>` : part.removed ? html`<del key=${index}>${part.value}</del>` : part.value))
      : text}</div>
  </article>`;
}
