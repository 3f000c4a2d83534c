// Runs program.js and then the test in test.js, which sees the program's names. The nonce is written
// when the test has run and nothing is left to do; an earlier exit leaves descriptor 3 empty.
"use strict";

const fs = require("fs");
const Module = require("module");
const vm = require("vm");
const assert = require("assert");

const { writeSync } = fs;
const once = process.once.bind(process);
const end = process.reallyExit.bind(process);
// Stands before any that the program sets; the last line is what is told of a failure.
process.on("uncaughtException", (error) => {
  const isError = error instanceof Error;
  writeSync(2, `${isError ? error.stack : ""}\n${isError ? error.name : "Error"}: `);
  writeSync(2, `${String(isError ? error.message : error).split("\n")[0]}\n`);
  end(1);
});
for (const part of [assert, assert.strict, assert.AssertionError, assert.AssertionError.prototype]) {
  Object.freeze(part);
}

// console.assert only prints; in a test it has to fail.
const testConsole = Object.freeze(
  Object.assign(Object.create(console), {
    assert(condition, ...message) {
      if (!condition) {
        throw new assert.AssertionError({ message: message.map(String).join(" ") || "console.assert" });
      }
    },
  }),
);

function testRequire(from) {
  return (name) => (/^(node:)?assert$/.test(name) ? assert : from(name));
}

const file = `${__dirname}/program.js`;
const source = fs.readFileSync(file, "utf8").replace(/^#!/, "//");
const test = fs.readFileSync(`${__dirname}/test.js`, "utf8").replace(/^#!/, "//");
const names = ["exports", "require", "module", "__filename", "__dirname"];
vm.compileFunction(source, names, { filename: file }); // the program must be whole by itself

const program = new Module(file, null);
program.filename = file;
program.paths = [];
require.main = process.mainModule = program;
const from = program.require.bind(program);
// A block of its own: a test may declare names anew that the program has too.
const whole = `${source}
;return ["PLUMB_NONCE", function (require, console, assert) {{
${test}
}}];`;
const run = vm.compileFunction(whole, names, { filename: file });
const [nonce, check] = Reflect.apply(run, program.exports, [
  program.exports,
  from,
  program,
  file,
  __dirname,
]);
check(testRequire(from), testConsole, assert);
once("beforeExit", (code) => {
  if (code === 0) writeSync(3, `${nonce}\n`);
});
