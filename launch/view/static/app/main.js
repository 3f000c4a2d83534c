/* The page: where one is, what is known of the runs, and keys. */
import { html, render, useEffect, useMemo, useRef, useState } from "./dom.js";
import { ask } from "./api.js";
import { useAsked } from "./asking.js";
import { count } from "./format.js";
import { Data } from "./data.js";
import { Evaluations } from "./evaluations.js";
import { HelpDialog, useKeys } from "./keys.js";
import { Overview } from "./overview.js";
import { Rollouts } from "./rollouts.js";
import { Times } from "./times.js";

const LOOK = 2000; // milliseconds between looks at what is new
const PAGES = [["", "Overview"], ["time", "Time"], ["rollouts", "Answers"], ["data", "Data"], ["evaluations", "Evaluations"]];

function place() {
  const [path, query = ""] = window.location.hash.replace(/^#\/?/, "").split("?");
  return { path: PAGES.some(([name]) => name === path) ? path : "", parameters: new URLSearchParams(query) };
}

const goTo = (path, parameters) => {
  const query = parameters?.toString();
  window.location.hash = `#/${path}${query ? `?${query}` : ""}`;
};

function usePlace() {
  const [here, setHere] = useState(place);
  useEffect(() => {
    const look = () => setHere(place());
    window.addEventListener("hashchange", look);
    return () => window.removeEventListener("hashchange", look);
  }, []);
  return here;
}

function useRuns() {
  const [state, setState] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let timer = null;
    let asking = false;
    const look = async () => {
      clearTimeout(timer);
      if (asking || document.hidden) return;
      asking = true;
      try {
        setState(await ask("state"));
        setError("");
      } catch (problem) {
        setError(problem.message);
      }
      asking = false;
      timer = setTimeout(look, LOOK);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => {
      asking = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return [state, error];
}

/* The first curves are asked for along with the first state, not after it. */
function useCurves(state) {
  const [stamps, setStamps] = useState("");
  const { found } = useAsked("curves", {}, stamps);
  const now = state ? state.runs.map((run) => run.stamp).join() : "";
  const told = found ? found.map((run) => run.stamp).join() : "";
  useEffect(() => {
    if (state && found && now !== told) setStamps(now);
  }, [now, told]);
  return useMemo(
    () => (state && found ? found.map((run) => ({ ...run, name: state.runs[run.run].name })) : []),
    [found, state !== null],
  );
}

function useTheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const now = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  const [theme, setTheme] = useState(now);
  useEffect(() => {
    const look = () => setTheme(now());
    dark.addEventListener("change", look);
    return () => dark.removeEventListener("change", look);
  }, []);
  const turn = () => {
    document.documentElement.dataset.theme = now() === "dark" ? "light" : "dark";
    localStorage.setItem("plumb-theme", document.documentElement.dataset.theme);
    setTheme(now());
  };
  return [theme, turn];
}

function Page() {
  const { path, parameters } = usePlace();
  const [state, error] = useRuns();
  const curves = useCurves(state);
  const [theme, turn] = useTheme();
  const [hidden, setHidden] = useState([]);
  const [said, say] = useState("");
  const [help, setHelp] = useState(false);
  const commands = useRef({});
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => say(""), 6000);
    return () => clearTimeout(timer);
  }, [said]);
  useEffect(() => {
    const title = PAGES.find(([name]) => name === path)[1];
    document.title = `${title} · ${state?.runs.length === 1 ? state.runs[0].name : "plumb view"}`;
    if (path !== "rollouts") commands.current = {};
  }, [path, state?.runs.length]);
  useKeys({ commands, turn, help: () => setHelp(true), pages: PAGES.map(([name]) => () => goTo(name)), search: () => {
    const box = document.getElementById("search");
    if (box) {
      box.focus();
      return;
    }
    goTo("rollouts");
    setTimeout(() => document.getElementById("search")?.focus(), 60);
  } });
  if (!state) return html`<p class="loading quiet">${error || "Reading the runs …"}</p>`;
  const change = (edit) => {
    const next = place().parameters; // as it stands now: a change may come late
    edit(next);
    goTo("rollouts", next);
  };
  const show = (values) => goTo("rollouts", new URLSearchParams(Object.entries(values)));
  const toggle = (run) => setHidden(hidden.includes(run) ? hidden.filter((one) => one !== run) : [...hidden, run]);
  const shared = { state, curves, hidden, theme, show };
  return html`
    <header class="top"><div class="bar">
      <h1>${state.runs.length === 1 ? state.runs[0].name : `${count(state.runs.length)} runs`}</h1>
      <nav aria-label="Pages">${PAGES.map(([name, label]) => html`<a key=${name} href=${`#/${name}`} aria-current=${path === name ? "page" : undefined}>${label}</a>`)}</nav>
      <${Meter} state=${state} error=${error} />
      <button class="icon" onClick=${turn} aria-label=${theme === "dark" ? "Light colours" : "Dark colours"} title="Colours (d)">${theme === "dark" ? "☀" : "☾"}</button>
      <button class="icon" onClick=${() => setHelp(true)} aria-label="Keys" title="Keys (?)">?</button>
    </div></header>
    <main id="main" tabindex="-1" class=${path === "rollouts" ? "whole" : ""}>
      ${error && html`<p class="notes error" role="alert">${error}</p>`}
      ${state.notes.length > 0 && html`<div class="notes"><ul>${state.notes.slice(0, 8).map((note) => html`<li key=${note}>${note}</li>`)}
        ${state.notes.length > 8 && html`<li>and ${state.notes.length - 8} more</li>`}</ul></div>`}
      ${path === "" && html`<${Overview} ...${shared} toggle=${toggle} />`}
      ${path === "time" && html`<${Times} ...${shared} />`}
      ${path === "rollouts" && html`<${Rollouts} ...${shared} parameters=${parameters} change=${change} say=${say} commands=${commands} />`}
      ${path === "data" && html`<${Data} ...${shared} />`}
      ${path === "evaluations" && html`<${Evaluations} ...${shared} />`}
    </main>
    <p class="said" role="status" hidden=${!said}>${said}</p>
    ${help && html`<${HelpDialog} close=${() => setHelp(false)} />`}`;
}

function Meter({ state, error }) {
  const live = state.runs.filter((run) => run.live).length;
  const reading = state.loaded < state.files ? `reading ${count(state.loaded)} of ${count(state.files)} steps` : "";
  const words = [live ? `${live > 1 ? `${live} runs` : ""} live` : "", reading].filter(Boolean).join(", ");
  return html`<span class="meter" data-loaded=${String(state.files > 0 && state.loaded >= state.files)}>
    ${live > 0 && !error && html`<span class="live" aria-hidden="true"></span>`}${error ? "not connected" : words}</span>`;
}

render(html`<${Page} />`, document.getElementById("page"));
