// The tested program's process: it loads program.js, and does for the test what it asks for.
//
// Guarantee: nothing here knows of the test but its requests, which come on descriptor 3; answers go
// to descriptor 4. The program's promises, timers and other waiting go on when the test waits too.
"use strict";

const fs = require("fs");
const Module = require("module");
const { Intrinsics } = require("./intrinsics.js");
const { Link } = require("./link.js");
const { Timers } = require("./timers.js");
const { Wire } = require("./wire.js");

const { setImmediate } = globalThis;
const end = process.reallyExit.bind(process);
const resources = process.getActiveResourcesInfo.bind(process);
const uncurry = (fn) => Function.prototype.call.bind(fn);
const stringOf = uncurry(String.prototype.toString);
const PROGRAM = `${__dirname}/program.js`;
const HAS_INSTANCE = "code0.prototype.@Symbol.hasInstance";
const MOST_NAMES = 20000;

const timers = new Timers((...words) => link.news.push(words));
timers.install();
const source = fs.readFileSync(PROGRAM, "utf8").replace(/^#!/, "//");
const intrinsics = new Intrinsics(true);
let program;
let lookUp = () => undefined;
let additions = [];

// ---- what the test may ask for, beside what it may of every object ----

const operations = {
  // A top-level name of the program, or a global one; and whether it is a function for good.
  name(_, name) {
    const found = lookUp(name);
    return found === undefined ? [] : [found.value, typeof found.value === "function" && isForGood(name)];
  },
  assign(_, name, value) {
    lookUp(name, { value });
    return [];
  },
  exports: () => [program.exports],
  // What builtin objects have since the program was loaded: [object, key, value or getter]
  added: () => additions.flat(),
  // A global that the test has replaced: a console that it watches, a clock that it winds.
  replace(_, owner, key, value) {
    const object = owner === "globalThis" ? globalThis : owner === "process.stdout" ? process.stdout : globalThis[owner];
    object[key] = value;
    return [];
  },
  fire(_, id) {
    timers.fire(id);
    return [];
  },
};

const link = new Link({
  letter: "P",
  wire: new Wire(3, 4, () => end(0)),
  intrinsics,
  mayTake: () => true,
  names: () => (entry) => entry.kind === "type" || entry.name === HAS_INSTANCE,
  operations,
  lose: () => end(1),
});

// ---- turns ----

const QUIET = new Set(["PipeWrap", "TTYWrap", "Immediate", "TickObject"]); // standard output, and this loop
const isAwake = () => resources().some((name) => !QUIET.has(name));
let isTurning = false;

// Answers requests until the test waits; then lets the program's own event loop go round once.
function serve() {
  if (isTurning) {
    isTurning = false;
    const reply = {};
    link.pack(reply, "v", [isAwake()], link.names("turn"));
    link.wire.send(reply);
  }
  for (;;) {
    const message = link.wire.receive();
    if (message.do === "turn") {
      link.unpack(message, "a");
      isTurning = true;
      setImmediate(serve);
      return;
    }
    link.answer(message);
  }
}

// ---- the program ----

const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
const RESERVED = new Set(
  `await break case catch class const continue debugger default delete do else enum export extends false
  finally for function if import in instanceof new null return super switch this throw true try typeof
  var void while with yield let static implements interface package private protected public arguments
  eval exports require module __filename __dirname`.split(/\s+/),
);

// Top-level names are in no object; a function at the program's beginning sees them.
function load() {
  const head = /^(?:\s|\/\/.*|\/\*[^]*?\*\/)*(['"])use strict\1/.test(source) ? "'use strict';" : "";
  program = new Module(PROGRAM, null);
  program.filename = PROGRAM;
  program.paths = [];
  require.main = process.mainModule = new Module("test", null); // programs ask whether they are the main one
  const key = `names${Math.random()}`;
  const hook = `${head}module[${JSON.stringify(key)}] = (plumb_text) => eval(plumb_text);`;
  require("vm").compileFunction(source, ["exports", "require", "module", "__filename", "__dirname"], { filename: PROGRAM });
  program._compile(`${hook}${source}`, PROGRAM);
  const evaluate = program[key];
  lookUp = (name, assigned) => {
    name = stringOf(name);
    if (assigned) {
      const set = evaluate(`(plumb_value) => { ${name} = plumb_value }`);
      return set(assigned.value);
    }
    return isDefined(evaluate, name) ? { value: evaluate(name) } : undefined;
  };
  const words = [...new Set(source.match(NAME))].filter((name) => !RESERVED.has(name)).slice(0, MOST_NAMES);
  return words.filter((name) => isDefined(evaluate, name));
}

// Whether the program declares a name that it does not assign to again.
function isForGood(name) {
  const quoted = name.replace(/\$/g, "\\$");
  const rest = source.replace(new RegExp(`\\bconst\\s+${quoted}\\s*=`, "g"), "");
  const isAssigned = new RegExp(`(?<![\\w$.])${quoted}\\s*=(?!=|>)`).test(rest);
  return !isAssigned && new RegExp(`\\b(?:function\\s*\\*?|class|const)\\s*${quoted}(?![\\w$])`).test(source);
}

function isDefined(evaluate, name) {
  try {
    return !RESERVED.has(name) && evaluate(`typeof ${name}`) !== "undefined";
  } catch {
    return false; // not a name, or not yet
  }
}

// Whether the program has declared a name, or put something else behind it.
function isOwn(name, globals) {
  if (!Object.hasOwn(globals, name)) return true;
  const now = Object.getOwnPropertyDescriptor(globalThis, name);
  if (now?.value !== globals[name].value || now?.get !== globals[name].get) return true;
  return lookUp(name)?.value !== globalThis[name];
}

// ---- builtin objects that the program adds to ----

function keysOf() {
  const before = new Map();
  for (const [object, { kind }] of intrinsics.entries) {
    if (kind === "type") before.set(object, new Set(Reflect.ownKeys(object)));
  }
  return before;
}

function addedTo(before) {
  const found = [];
  for (const [object, keys] of before) {
    for (const key of Reflect.ownKeys(object)) {
      if (typeof key !== "string" || keys.has(key)) continue;
      const { value, get } = Reflect.getOwnPropertyDescriptor(object, key);
      if (typeof (value ?? get) === "function") found.push([object, key, value, get]);
    }
  }
  return found;
}

function described(error) {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : `Error: ${String(error)}`;
  } catch {
    return "Error: one that cannot be shown";
  }
}

function main() {
  const before = keysOf();
  const globals = Object.getOwnPropertyDescriptors(globalThis);
  let said;
  try {
    const names = load();
    additions = addedTo(before);
    said = { names: names.filter((name) => isOwn(name, globals)) };
  } catch (error) {
    said = { refused: described(error).slice(0, 500) };
  }
  link.wire.send({ names: said.names ?? [], refused: said.refused ?? "" });
  serve();
}

main();
