/* What a policy wrote, as people read it: markdown, formulas, code, thinking and calls of tools.
   All of it is hostile: HTML in it is shown as text, links are no links, formulas may not do more than
   look, and what comes out is sanitised before it stands in the page. */
import { html, script, style, useEffect, useMemo, useState } from "./dom.js";

const PIECE = 6_000; // characters that are rendered at once; between pieces the page answers
const LONGEST = 16_000; // characters of a piece, beyond which it stays plain
const LONGEST_LINE = 4_000;
const MILLISECONDS = 1_500; // of rendering a text, after which the rest stays plain
const LONGEST_FORMULA = 4_000;
const LANGUAGES = [
  "bash", "c", "cpp", "diff", "java", "javascript", "json", "markdown", "python", "sql", "xml", "yaml",
];
const ALIASES = { py: "python", js: "javascript", sh: "bash", shell: "bash", html: "xml", "c++": "cpp", yml: "yaml" };
let library = null;

export const escaped = (text) =>
  text.replace(/[&<>"']/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[one]);

function loaded() {
  if (library) return library;
  library = (async () => {
    style("katex/katex.min.css");
    const [{ Marked }, highlight, ...languages] = await Promise.all([
      import("../vendor/marked/marked.esm.js"),
      import("../vendor/highlight/core.min.js"),
      ...LANGUAGES.map((name) => import(`../vendor/highlight/${name}.min.js`)),
      script("katex/katex.min.js"),
      script("dompurify/purify.min.js"),
    ]);
    LANGUAGES.forEach((name, index) => highlight.default.registerLanguage(name, languages[index].default));
    return reader(Marked, highlight.default);
  })();
  library.catch(() => { library = null; }); // the next text tries again
  return library;
}

function formula(text, display) {
  if (text.length > LONGEST_FORMULA) return escaped(text);
  return window.katex.renderToString(text, {
    displayMode: display, throwOnError: false, trust: false, strict: "ignore", maxSize: 20, maxExpand: 200,
  });
}

function closing(text, start, end) {
  const at = text.indexOf(end, start);
  return at < 0 || at - start > LONGEST_FORMULA ? -1 : at;
}

/* The end of `{…}` that begins at a place; -1 where it does not end soon. */
function braces(text, start) {
  let depth = 0;
  for (let at = start; at < Math.min(text.length, start + LONGEST_FORMULA); at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "{") depth += 1;
    else if (text[at] === "}" && (depth -= 1) === 0) return at;
  }
  return -1;
}

function mathAt(source) {
  for (const [open, end, display] of [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false]]) {
    if (!source.startsWith(open)) continue;
    const at = closing(source, 2, end);
    return at < 0 ? null : { raw: source.slice(0, at + 2), text: source.slice(2, at), display };
  }
  if (source.startsWith("\\boxed{")) {
    const at = braces(source, 6);
    return at < 0 ? null : { raw: source.slice(0, at + 1), text: source.slice(0, at + 1), display: false };
  }
  const plain = /^\$(?![\s$])([^$\n]{1,600}?[^\s$\\])\$(?!\d)/.exec(source);
  return plain ? { raw: plain[0], text: plain[1], display: false } : null;
}

function reader(Marked, highlight) {
  const math = {
    name: "formula",
    level: "inline",
    start: (source) => {
      const at = source.search(/\$|\\[[(]|\\boxed\{/);
      return at < 0 ? undefined : at;
    },
    tokenizer(source) {
      const found = mathAt(source);
      return found ? { type: "formula", ...found } : undefined;
    },
    renderer: (token) => formula(token.text, token.display),
  };
  const block = {
    ...math,
    name: "formula-block",
    level: "block",
    start: (source) => {
      const at = source.search(/(^|\n)(\$\$|\\\[)/);
      return at < 0 ? undefined : at;
    },
    tokenizer(source) {
      const found = /^(\$\$|\\\[)/.test(source) ? mathAt(source) : null;
      return found ? { type: "formula-block", ...found } : undefined;
    },
  };
  const renderer = {
    html: ({ text }) => escaped(text),
    image: ({ text, href }) => escaped(`[picture: ${text || href}]`),
    link({ tokens, href }) {
      const text = this.parser.parseInline(tokens);
      return text === escaped(href) ? text : `${text} (${escaped(href)})`;
    },
    code({ text, lang }) {
      const named = (lang || "").trim().toLowerCase().split(/\s/)[0];
      const language = ALIASES[named] || named;
      const shown = LANGUAGES.includes(language) && text.length < 30_000
        ? highlight.highlight(text, { language, ignoreIllegals: true }).value : escaped(text);
      return `<pre><code>${shown}</code></pre>`;
    },
  };
  const marked = new Marked({ gfm: true, breaks: true, renderer, extensions: [block, math] });
  return (text) => window.DOMPurify.sanitize(marked.parse(text, { async: false }), {
    USE_PROFILES: { html: true, mathMl: true, svg: true },
    FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "img", "video", "audio", "a"],
    FORBID_ATTR: ["id", "name"],
  });
}

/* A text in pieces that can be rendered by themselves: cut at empty lines, outside of code and formulas. */
export function pieces(text) {
  const found = [];
  let lines = [];
  let size = 0;
  let fence = "";
  let mathFrom = -1; // the size at which a formula began; one that does not end soon is none
  for (const line of text.split("\n")) {
    const mark = /^ {0,3}(```+|~~~+)/.exec(line)?.[1].slice(0, 3) ?? "";
    if (fence ? mark === fence : mark) fence = fence ? "" : mark;
    if (mathFrom >= 0 && size - mathFrom > LONGEST_FORMULA) mathFrom = -1;
    if (!fence && line.split("$$").length % 2 === 0) mathFrom = mathFrom < 0 ? size : -1;
    lines.push(line);
    size += line.length + 1;
    if (size >= PIECE && !fence && mathFrom < 0 && !line.trim()) {
      found.push(lines.join("\n"));
      [lines, size] = [[], 0];
    }
  }
  if (size) found.push(lines.join("\n"));
  return found;
}

/* Whether a piece can be rendered in a time that nobody notices. */
const isTame = (text) => text.length <= LONGEST && text.split("\n").every((line) => line.length <= LONGEST_LINE);

const rendered = (read, piece) => {
  try {
    return isTame(piece) ? read(piece) : null;
  } catch { // too deep for the library: it stays plain
    return null;
  }
};

export function Rich({ text }) {
  const all = useMemo(() => pieces(text), [text]);
  const [shown, show] = useState([]);
  useEffect(() => {
    let here = true;
    show([]);
    (async () => {
      const read = await loaded();
      let spent = 0;
      for (const piece of all) {
        if (!here || spent > MILLISECONDS) return;
        const began = performance.now();
        const one = rendered(read, piece);
        spent += performance.now() - began;
        show((before) => [...before, one]);
        await new Promise((go) => { setTimeout(go); });
      }
    })().catch(() => {});
    return () => { here = false; };
  }, [text]);
  return all.map((piece, index) => (shown[index]
    ? html`<div class="rich" key=${index} dangerouslySetInnerHTML=${{ __html: shown[index] }} />`
    : html`<div class="raw" key=${index} tabindex="0">${piece}</div>`));
}

/* The parts of an answer: thinking, calls of tools, and what is said.
   `opened` is "open" where the template had opened the thinking, which an answer that was cut never ends. */
export function parts(text, opened) {
  const found = [];
  let rest = text;
  const end = rest.indexOf("</think>");
  const start = rest.indexOf("<think>");
  if (opened === "open" && end < 0 && start < 0) return text.trim() ? [{ kind: "thinking", text }] : [];
  if (end >= 0 && (start < 0 || start > end)) {
    found.push({ kind: "thinking", text: rest.slice(0, end) });
    rest = rest.slice(end + 8);
  }
  const marks = /<think>([\s\S]*?)(?:<\/think>|$)|<tool_call>([\s\S]*?)(?:<\/tool_call>|$)/g;
  let last = 0;
  for (const match of rest.matchAll(marks)) {
    found.push({ kind: "text", text: rest.slice(last, match.index) });
    found.push(match[1] !== undefined ? { kind: "thinking", text: match[1] } : { kind: "call", text: match[2] });
    last = match.index + match[0].length;
  }
  found.push({ kind: "text", text: rest.slice(last) });
  return found.filter((part) => part.text.trim());
}

export function Call({ call }) {
  let name = "";
  let shown = typeof call === "string" ? call.trim() : JSON.stringify(call);
  try {
    const said = typeof call === "string" ? JSON.parse(call) : call;
    const inner = said.function || said;
    name = inner.name || "";
    const given = typeof inner.arguments === "string" ? JSON.parse(inner.arguments) : inner.arguments;
    shown = JSON.stringify(given ?? said, null, 1);
    const values = Object.entries(given ?? {});
    const line = `${name}(${values.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(", ")})`;
    if (name && !Array.isArray(given) && line.length <= 100) return html`<div class="call"><span class="quiet">calls</span> <code>${line}</code></div>`;
  } catch { /* what is no JSON is shown as it is */ }
  return html`<div class="call"><b>${name ? `calls ${name}` : "call"}</b><pre>${shown}</pre></div>`;
}

export const Thinking = ({ text }) => html`<details class="thinking" open>
  <summary>thinking, ${text.length.toLocaleString("en-US")} characters</summary>
  <${Rich} text=${text.trim()} />
</details>`;

export function Answer({ text, opened }) {
  return parts(text || "", opened).map((part, index) => {
    if (part.kind === "call") return html`<${Call} key=${index} call=${part.text} />`;
    if (part.kind === "thinking") {
      return html`<${Thinking} key=${index} text=${part.text} />`;
    }
    return html`<${Rich} key=${index} text=${part.text.trim()} />`;
  });
}
