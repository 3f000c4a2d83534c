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

export async function ask(path, values = {}, signal = undefined) {
  const asked = query(values);
  return answer(fetch(`/api/${path}${asked ? `?${asked}` : ""}`, { signal }));
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
  try {
    response = await request;
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("plumb view does not answer: if it has ended, start it again");
  }
  if (response.ok) return response.json();
  const text = await response.text();
  let line = text.trim() || `the server answered ${response.status}`;
  try {
    const said = JSON.parse(text);
    const wrong = said.detail?.[0];
    line = said.error || (wrong && `${wrong.loc.slice(1).join(" ")}: ${wrong.msg}`) || line;
  } catch { /* it is a line already */ }
  throw Object.assign(new Error(line), { final: response.status < 500 });
}
