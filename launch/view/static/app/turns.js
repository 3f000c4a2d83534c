/* An episode turn by turn: what was called, what came back, what it earned, how long it took. */
import { html } from "./dom.js";
import { count, figure, seconds } from "./format.js";
import { Answer, Call, Rich } from "./rich.js";
import { Rest } from "./sample.js";

const list = (value) => (Array.isArray(value) ? value : []);

/* What is recorded of a turn, in words. */
function words(turn) {
  const facts = [];
  if (turn.reward) facts.push(`earned ${figure(turn.reward)}`);
  if (turn.began !== null) facts.push(`after ${seconds(turn.began)}`);
  facts.push(`took ${seconds(turn.seconds)}`);
  facts.push(`${count(turn.tokens)} of ${count(turn.allowed)} tokens`);
  if (turn.stop === "length") facts.push("cut there");
  const versions = list(turn.versions);
  if (versions.length === 1) facts.push(`policy version ${versions[0].version}`);
  if (versions.length > 1) facts.push(`policy versions ${versions.map((one) => `${one.version} (${one.tokens} token${one.tokens === 1 ? "" : "s"})`).join(", then ")}`);
  const cached = turn.cached_tokens === null ? "" : `, ${count(turn.cached_tokens)} of them cached`;
  facts.push(`context ${count(turn.prompt_tokens)} tokens${cached}`);
  if (turn.engine !== null) facts.push(`engine ${turn.engine}`);
  return facts;
}

function Calls({ turn }) {
  const calls = list(turn?.calls);
  if (!calls.length && !turn?.answer_seconds) return null;
  const told = calls.map((call) => `${call.name} ${seconds(call.seconds)}${call.error ? `, ${call.error}` : ""}`);
  if (turn.answer_seconds) told.push(`all answered after ${seconds(turn.answer_seconds)}`);
  return html`<p class="quiet">${told.join("; ")}</p>`;
}

/* What is graded, where an agent wrote it and no turn of the policy is it. */
function graded(sample) {
  const last = sample.messages[sample.messages.length - 1];
  if (sample.metrics?.agent_seconds === undefined || sample.opened !== "none") return null;
  if ((sample.response || "") === (last.content || "")) return null;
  return html`<div class="turn assistant" key="graded"><div class="role">answer, by the agent</div>
    <${Answer} text=${sample.response || ""} opened="none" /><${Rest} sample=${sample} name="response" /></div>`;
}

export function Conversation({ sample }) {
  const records = list(sample.turn_records);
  const rewards = list(sample.turn_rewards);
  const ofMessage = new Map(records.filter((turn) => turn.message !== null).map((turn) => [turn.message, turn]));
  const apart = records.filter((turn) => turn.message === null);
  let number = -1;
  const shown = sample.messages.map((message, index) => {
    const role = String(message.role || "");
    const turn = ofMessage.get(index);
    // Without records, what an assistant said in the prompt cannot be told from turns of the policy.
    const spoke = records.length ? Boolean(turn) : role === "assistant";
    if (spoke) number += 1;
    const facts = turn ? words(turn) : spoke && rewards[number] ? [`earned ${figure(rewards[number])}`] : [];
    const name = spoke ? `turn ${number + 1}` : role === "tool" ? `observation${message.name ? ` of ${message.name}` : ""}` : role;
    return html`<div class=${`turn ${role}`} key=${index}>
      <div class="role">${name}${facts.map((fact) => html`<span key=${fact}>${fact}</span>`)}</div>
      ${role === "assistant" ? html`<${Answer} text=${message.content || ""} opened=${index === sample.messages.length - 1 ? sample.opened : null} />` : html`<${Rich} text=${message.content || ""} />`}
      ${list(message.tool_calls).map((call, at) => html`<${Call} key=${at} call=${call} />`)}
      <${Calls} turn=${turn} />
      <${Rest} sample=${sample} name=${`messages.${index}`} />
    </div>`;
  });
  return html`${shown}${apart.map((turn, index) => html`<div class="turn assistant" key=${`apart ${index}`}>
    <div class="role">a turn that the conversation does not hold${words(turn).map((fact) => html`<span key=${fact}>${fact}</span>`)}</div>
    <${Answer} text=${turn.text || ""} /><${Calls} turn=${turn} /></div>`)}${graded(sample)}`;
}
