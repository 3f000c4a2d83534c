/* Questions that are asked anew when something changes: late answers are dropped, failed ones asked again. */
import { useEffect, useState } from "./dom.js";
import { ask } from "./api.js";

export const AGAIN = 3000; // milliseconds after which a question that failed is asked again

/* What is known: `found`, `error`, and the `stamp` of when it was asked. While another answer is awaited, the
   last one stays; `current` tells whether it is of this question. `fresh` is what an answer may change with. */
export function useAsked(path, values, fresh = "") {
  const key = JSON.stringify([path, values]);
  const [held, hold] = useState({ key: "", found: null, error: "", stamp: "" });
  useEffect(() => {
    const control = new AbortController();
    let timer = null;
    const look = async () => {
      try {
        const found = await ask(path, values, control.signal);
        if (!control.signal.aborted) hold({ key, found, error: "", stamp: `${key} ${fresh}` });
      } catch (problem) {
        if (control.signal.aborted) return;
        hold((before) => ({ ...before, key, found: before.key === key ? before.found : null, error: problem.message }));
        if (!problem.final) timer = setTimeout(look, AGAIN);
      }
    };
    look();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, fresh]);
  return { ...held, current: held.key === key };
}
