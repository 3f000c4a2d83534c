// describe, it and their like, as mocha, jest and node:test have them.
//
// Guarantees: a test that fails, and a hook that does, fails the run; tests go one after the other, in
// the order in which they stand; a test that never ends keeps the run from ending.
"use strict";

const { isArray } = Array;

class Group {
  constructor(parent, isSkipped, isOnly) {
    this.parent = parent;
    this.isSkipped = isSkipped || parent?.isSkipped === true;
    this.isOnly = isOnly;
    this.parts = []; // groups and tests
    this.hooks = { before: [], after: [], beforeEach: [], afterEach: [] };
  }
}

class Skipped extends Error {}

// Calls a test or a hook; the promise of its end, however it says so.
function ended(body, context, takesContext) {
  return new Promise((resolve, reject) => {
    const done = (error) => (error === undefined || error === null ? resolve() : reject(error));
    done.fail = (error) => reject(error ?? new Error("done.fail"));
    const given = takesContext ? [context] : [];
    const result = Reflect.apply(body, context, body.length > given.length ? [...given, done] : given);
    if (body.length <= given.length || (result && typeof result.then === "function")) resolve(result);
  });
}

// %s, %i, $variable of a title: what it says does not matter, that it is a text does.
const asTitle = (title) => (typeof title === "function" ? title.name : String(title));

class Suite {
  constructor(run) {
    this.run = run;
    this.root = new Group(undefined, false, false);
    this.group = this.root;
    this.hasOnly = false;
    this.isRunning = false;
    this.ran = 0;
    this.isDone = true;
    this.title = "";
  }

  // ---- declarations ----

  describe(mode) {
    return (title, ...rest) => {
      const body = rest.find((one) => typeof one === "function");
      const isSkipped = mode === "skip" || rest.some((one) => one?.skip);
      const group = new Group(this.group, isSkipped, mode === "only");
      if (mode === "only") this.hasOnly = true;
      this.group.parts.push(group);
      const above = this.group;
      this.group = group;
      try {
        const result = body && Reflect.apply(body, this.context(), []);
        if (result && typeof result.then === "function") group.ready = result;
      } finally {
        this.group = above;
      }
    };
  }

  it(mode, takesContext) {
    return (title, ...rest) => {
      const body = rest.find((one) => typeof one === "function");
      const options = rest.find((one) => typeof one === "object" && one !== null) ?? {};
      const isSkipped = mode === "skip" || !body || Boolean(options.skip || options.todo);
      const isOnly = mode === "only" || options.only === true;
      if (isOnly) this.hasOnly = true;
      const test = { title: asTitle(title), body, isSkipped, isOnly, takesContext, mode };
      this.isDone = false;
      if (this.isRunning) return isSkipped ? undefined : this.runTest(test, []); // a test within a test
      this.group.parts.push(test);
      return undefined;
    };
  }

  hook(name) {
    return (...args) => {
      const body = args.find((one) => typeof one === "function");
      if (body) this.group.hooks[name].push(body);
    };
  }

  // it.each(rows)(title, body), and it.each`a | b ${1} | ${2}`(title, body).
  each(declare) {
    return (table, ...values) => {
      const isTagged = isArray(table) && isArray(table.raw);
      const rows = isTagged ? tagged(table, values) : table;
      return (title, body, ...rest) => {
        for (const row of rows) {
          const args = isArray(row) && !isTagged ? row : [row];
          declare(title, body && ((...more) => Reflect.apply(body, undefined, [...args, ...more])), ...rest);
        }
      };
    };
  }

  api(takesContext) {
    const variants = (make) => {
      const all = make();
      for (const mode of ["skip", "only", "todo", "concurrent", "sequential", "fails", "failing"]) {
        all[mode] = make(mode === "todo" ? "skip" : mode === "failing" ? "fails" : mode);
        all[mode].each = this.each(all[mode]);
      }
      all.each = this.each(all);
      all.concurrent.only = all.only;
      all.concurrent.skip = all.skip;
      all.skipIf = (condition) => (condition ? all.skip : all);
      all.runIf = (condition) => (condition ? all : all.skip);
      return all;
    };
    const it = variants((mode) => this.it(mode, takesContext));
    const describe = variants((mode) => this.describe(mode));
    const hooks = {};
    for (const name of ["before", "after", "beforeEach", "afterEach"]) hooks[name] = this.hook(name);
    return {
      ...{ it, test: it, specify: it, fit: it.only, xit: it.skip, xtest: it.skip },
      ...{ describe, context: describe, suite: describe, fdescribe: describe.only, xdescribe: describe.skip },
      ...hooks,
      ...{ beforeAll: hooks.before, afterAll: hooks.after, setup: hooks.beforeEach, teardown: hooks.afterEach },
      ...{ suiteSetup: hooks.before, suiteTeardown: hooks.after },
    };
  }

  // ---- running ----

  context() {
    const context = {
      test: (title, ...rest) => this.it(undefined, true)(title, ...rest),
      skip() {
        throw new Skipped();
      },
    };
    for (const name of ["timeout", "slow", "retries", "diagnostic", "plan", "todo"]) context[name] = () => context;
    context.before = this.hook("before");
    context.after = (body) => void this.later.push(body);
    context.mock = this.run.mock;
    context.name = this.title;
    context.signal = new AbortController().signal;
    context.assert = this.run.assert;
    return context;
  }

  async runAll() {
    this.select(this.root, false);
    await this.runGroup(this.root, []);
    this.isDone = true;
  }

  // Marks what is to run; whether there is anything.
  select(part, isWithin) {
    if (!(part instanceof Group)) {
      part.isSelected = !part.isSkipped && (!this.hasOnly || isWithin || part.isOnly);
      return part.isSelected;
    }
    const inner = (isWithin || part.isOnly) && !part.parts.some(hasOnly);
    part.isSelected = !part.isSkipped && part.parts.map((one) => this.select(one, inner)).some(Boolean);
    return part.isSelected;
  }

  async runGroup(group, above) {
    if (group.ready) await group.ready;
    if (!group.isSelected) return;
    const context = this.context();
    for (const hook of group.hooks.before) await ended(hook, context);
    const groups = [...above, group];
    for (const part of group.parts) {
      if (part instanceof Group) await this.runGroup(part, groups);
      else if (part.isSelected) await this.runTest(part, groups);
    }
    for (const hook of group.hooks.after) await ended(hook, context);
  }

  async runTest(test, groups) {
    const context = this.context();
    const outer = [this.isRunning, this.later];
    this.later = [];
    try {
      for (const group of groups) {
        for (const hook of group.hooks.beforeEach) await ended(hook, context);
      }
      this.title = context.name = test.title;
      this.isRunning = true;
      this.run.beginTest();
      await this.runBody(test, context);
      this.run.endTest();
      for (const body of this.later) await body();
      for (const group of [...groups].reverse()) {
        for (const hook of group.hooks.afterEach) await ended(hook, context);
      }
    } finally {
      [this.isRunning, this.later] = outer;
    }
  }

  async runBody(test, context) {
    let failure;
    try {
      this.ran++;
      await ended(test.body, context, test.takesContext && test.body.length > 0);
    } catch (error) {
      if (error instanceof Skipped) {
        this.ran--;
        return;
      }
      failure = { error };
    }
    if (test.mode === "fails") {
      if (!failure) throw new Error("a test that is to fail has passed");
    } else if (failure) throw failure.error;
  }
}

function hasOnly(part) {
  return part.isOnly || (part instanceof Group && part.parts.some(hasOnly));
}

function tagged(strings, values) {
  const names = strings[0].trim().split(/\s*\|\s*/);
  const rows = [];
  for (let i = 0; i + names.length <= values.length; i += names.length) {
    rows.push(Object.fromEntries(names.map((name, column) => [name, values[i + column]])));
  }
  return rows;
}

module.exports = { Suite };
