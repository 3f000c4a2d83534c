/* Numbers and words for people. */

export const SYMBOLS = { correct: "✓", incorrect: "✗", ungradable: "?" };

export const ENDINGS = {
  trained: "trained on",
  rejected_correct: "group all right",
  rejected_incorrect: "group all wrong",
  rejected_equal: "rewards all equal",
  ungradable: "group ungradable",
  returned: "group sampled again",
  evaluated: "evaluation",
};

export const STOPS = {
  stop: "by itself", length: "cut at its limit", turns: "turns used up", budget: "context used up",
};

export const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US"));

/* How many characters a text has, as Python counts them: not all are one of JavaScript's. */
export function length(text) {
  let found = 0;
  for (const _ of text) found += 1;
  return found;
}

export function figure(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return value.toLocaleString("en-US", { maximumFractionDigits: size >= 100 ? 1 : digits });
}

export const signed = (value) =>
  (value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`);

export const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)}%`);

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 0.1) return `${(1000 * value).toFixed(value < 0.01 ? 2 : 0)} ms`;
  if (value < 120) return `${value.toFixed(value < 10 ? 2 : 0)} s`;
  const minutes = Math.round(value / 60);
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

export function ofUnit(unit, value) {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return share(value);
  if (unit === "seconds") return seconds(value);
  if (unit === "scientific") return value === 0 ? "0" : value.toExponential(2);
  return figure(value);
}

export const clock = (time) => new Date(1000 * time).toISOString().replace("T", " ").slice(0, 19);

export const runColour = (number) => `var(--s${[1, 2, 3, 4, 6, 5, 7][number % 7]})`;
