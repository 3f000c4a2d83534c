/* An episode turn by turn: what was called, what came back, what it earned, how long it took. */
import { html } from "./dom.js";
import { figure, seconds } from "./format.js";
import { Answer, Call, Rich } from "./rich.js";
import { Rest } from "./sample.js";

const list = (value) => (Array.isArray(value) ? value : []);

/* What is recorded of the policy's turns, in their order. */
export function turnFacts(sample, number) {
  const facts = [];
  const reward = list(sample.turn_rewards)[number];
  if (reward) facts.push(`earned ${figure(reward)}`);
  const spent = list(sample.turn_seconds)[number];
  if (spent !== undefined && spent !== null) facts.push(seconds(spent));
  const tokens = list(sample.turn_tokens)[number];
  if (tokens !== undefined && tokens !== null) facts.push(`${tokens} tokens`);
  const version = list(sample.turn_versions)[number];
  if (version !== undefined && version !== null) facts.push(`policy version ${version}`);
  const stopped = list(sample.turn_stops)[number];
  if (stopped && stopped !== "stop") facts.push(stopped === "length" ? "cut at its limit" : stopped);
  return facts;
}

export function Conversation({ sample }) {
  let number = -1;
  return sample.messages.map((message, index) => {
    const role = String(message.role || "");
    if (role === "assistant") number += 1;
    const facts = role === "assistant" ? turnFacts(sample, number) : [];
    const name = role === "assistant" ? `turn ${number + 1}` : role === "tool" ? `observation${message.name ? ` of ${message.name}` : ""}` : role;
    return html`<div class=${`turn ${role}`} key=${index}>
      <div class="role">${name}${facts.map((fact) => html`<span key=${fact}>${fact}</span>`)}</div>
      ${role === "assistant" ? html`<${Answer} text=${message.content || ""} />` : html`<${Rich} text=${message.content || ""} />`}
      ${list(message.tool_calls).map((call, at) => html`<${Call} key=${at} call=${call} />`)}
      <${Rest} sample=${sample} name=${`messages.${index}`} />
    </div>`;
  });
}
