/* Questions to the server. An answer that says what is wrong becomes an Error with that line; it is `final`
   where the same question would get the same answer again. */

export function query(values) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) parts.append(name, one);
  }
  return parts.toString();
}

const PATIENCE = 60_000; // milliseconds after which a connection that says nothing is given up

export async function ask(path, values = {}, signal = undefined) {
  const asked = query(values);
  const control = new AbortController();
  const stop = () => control.abort();
  const timer = setTimeout(() => control.abort(new Error("late")), PATIENCE);
  signal?.addEventListener("abort", stop);
  try {
    return await answer(fetch(`/api/${path}${asked ? `?${asked}` : ""}`, { signal: control.signal }));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

export async function send(path, body) {
  return answer(fetch(`/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }));
}

async function answer(request) {
  let response;
  let text;
  try {
    response = await request;
    text = await response.text();
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("plumb view does not answer: if it has ended, start it again");
  }
  if (response.ok) return JSON.parse(text);
  let line = text.trim() || `the server answered ${response.status}`;
  try {
    const said = JSON.parse(text);
    const wrong = said.detail?.[0];
    line = said.error || (wrong && `${wrong.loc.slice(1).join(" ")}: ${wrong.msg}`) || line;
  } catch { /* it is a line already */ }
  throw Object.assign(new Error(line), { final: response.status < 500 && response.status !== 401 });
}
