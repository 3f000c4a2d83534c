/* The tokens of an answer: what each is, how likely it was, who sampled it, and whether it counts. */
import { html, useState } from "./dom.js";
import { ask } from "./api.js";
import { useAsked } from "./asking.js";
import { count, signed } from "./format.js";

const PART = 1024;

function shade(read, logprob) {
  if (read) return "read";
  const chance = Math.exp(logprob);
  return chance >= 0.9 ? "" : chance >= 0.5 ? "p1" : chance >= 0.1 ? "p2" : "p3";
}

export function Tokens({ id, version, sample }) {
  const [trajectory, setTrajectory] = useState(0);
  return html`<${Context} key=${trajectory} id=${id} version=${version} sample=${sample} trajectory=${trajectory} turnTo=${setTrajectory} />`;
}

/* The tokens of one trajectory. */
function Context({ id, version, sample, trajectory, turnTo }) {
  const first = useAsked("tokens", { id, trajectory, offset: 0, limit: PART }, version);
  const [further, setFurther] = useState([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const [at, setAt] = useState(null);
  if (!first.found) return first.error ? html`<p class="error">${first.error}</p>` : html`<p class="quiet" aria-busy="true">Reading the tokens …</p>`;
  const parts = [first.found, ...further];
  const { length, trajectories, advantage } = first.found;
  const all = parts.flatMap((part) => part.ids.map((number, index) => ({
    number,
    text: part.texts ? part.texts[index] : `${number} `,
    read: !part.mask[index],
    logprob: part.logprobs[index],
    version: part.versions[index],
    advantage: part.advantages ? part.advantages[index] : advantage,
  })));
  const oldest = all.reduce((least, one) => (one.read ? least : Math.min(least, one.version)), Infinity);
  const load = () => {
    setBusy(true);
    setError("");
    ask("tokens", { id, trajectory, offset: all.length, limit: PART })
      .then((part) => setFurther((before) => [...before, part]))
      .catch((problem) => setError(problem.message))
      .finally(() => setBusy(false));
  };
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(all.length - 1, (at ?? -1) + step)));
  };
  const point = (event) => {
    const place = event.target.dataset?.at;
    if (place !== undefined) setAt(Number(place));
  };
  return html`
    ${trajectories > 1 && html`<p class="actions"><span class="quiet">Context</span>
      ${Array.from({ length: trajectories }, (_, number) => html`<button key=${number}
        aria-pressed=${String(number === trajectory)} onClick=${() => turnTo(number)}>${number + 1}</button>`)}</p>`}
    <p class="quiet">${count(length)} tokens. Grey ones were only read. The darker the ground, the less likely
      (below 90, 50 and 10%)${Number.isFinite(oldest) && all.some((one) => one.version > oldest) ? "; underlined ones are of a newer policy version" : ""}.
      ${!first.found.texts && " The run's tokenizer is not on this machine: ids are shown."}</p>
    <div class="tokens" tabindex="0" role="application" aria-label="Tokens; the arrow keys move"
      onKeyDown=${move} onMouseOver=${point} onClick=${point}>
      ${all.map((one, index) => html`<span key=${index} data-at=${index}
        class=${`token ${shade(one.read, one.logprob)}${!one.read && one.version > oldest ? " newer" : ""}`}
        style=${index === at ? "outline: 2px solid var(--accent)" : ""}>${one.text}</span>`)}
    </div>
    ${all.length < length && html`<p><button disabled=${busy} onClick=${load}>Show the next ${count(Math.min(PART, length - all.length))} of ${count(length - all.length)}</button></p>`}
    ${error && html`<p class="error">${error}</p>`}
    <div class="token-facts" aria-live="polite">${at === null || !all[at]
      ? html`<span class="quiet">Point at a token, or use the arrow keys.</span>` : html`<${One} one=${all[at]} at=${at} sample=${sample} />`}</div>`;
}

function One({ one, at, sample }) {
  const words = [`token ${at}`, `id ${one.number}`, JSON.stringify(one.text)];
  if (one.read) words.push("only read: not trained on");
  else {
    words.push(`logprob ${one.logprob.toFixed(4)} (${(100 * Math.exp(one.logprob)).toFixed(1)}%)`, `version ${one.version}`);
    if (sample.lag !== null && sample.lag !== undefined) {
      words.push(`lag ${sample.policy_version + sample.lag - one.version}`);
    }
    words.push(sample.used ? `in the mask, advantage ${signed(one.advantage)}` : "sampled; its group was not trained on");
  }
  return words.join(" · ");
}
