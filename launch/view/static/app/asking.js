/* Questions that are asked anew when something changes: late answers are dropped, failed ones asked again. */
import { useEffect, useRef, useState } from "./dom.js";
import { ask } from "./api.js";

export const AGAIN = 3000; // milliseconds after which a question that failed is asked again

/* What is known: `found`, `error`, and the `stamp` of when it was asked. While another answer is awaited, the
   last one stays; `current` tells whether it is of this question. `fresh` is what an answer may change with:
   it is asked anew once the answer that is awaited has come, however often that changes meanwhile. */
export function useAsked(path, values, fresh = "") {
  const key = JSON.stringify([path, values]);
  const [held, hold] = useState({ key: "", found: null, error: "", stamp: "" });
  const now = useRef({});
  now.current.fresh = fresh;
  useEffect(() => {
    const control = new AbortController();
    let timer = null;
    let asking = false;
    const look = async () => {
      clearTimeout(timer);
      if (asking) return;
      asking = true;
      const since = now.current.fresh;
      try {
        const found = await ask(path, values, control.signal);
        if (!control.signal.aborted) hold({ key, found, error: "", stamp: `${key} ${since}` });
      } catch (problem) {
        if (control.signal.aborted) return;
        hold((before) => ({
          ...before, key, found: before.key === key && !problem.final ? before.found : null, error: problem.message,
        }));
        if (!problem.final) timer = setTimeout(look, AGAIN);
      }
      asking = false;
      if (!control.signal.aborted && now.current.fresh !== since) look();
    };
    now.current.look = look;
    look();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key]);
  useEffect(() => { now.current.look(); }, [fresh]);
  return { ...held, current: held.key === key };
}
