/* Questions to the server. An answer that says what is wrong becomes an Error with that line. */

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
  return answer(await fetch(`/api/${path}${asked ? `?${asked}` : ""}`, { signal }));
}

export async function send(path, body) {
  return answer(await fetch(`/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }));
}

async function answer(response) {
  if (response.ok) return response.json();
  const text = await response.text();
  let line = text.trim() || `the server answered ${response.status}`;
  try {
    const said = JSON.parse(text);
    line = said.error || said.detail?.[0]?.msg || line;
  } catch { /* it is a line already */ }
  throw new Error(line);
}
