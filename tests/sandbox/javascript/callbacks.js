// changed: x + 1
// to: x
function map(list, f) { const r = []; for (const x of list) r.push(f(x)); return r }
const curry = (f) => function g(...a) { return a.length >= f.length ? f(...a) : (...b) => g(...a, ...b) };
const later = (x, done) => setTimeout(() => done(null, x + 1), 5);
// ---- test ----
const assert = require('assert');
assert.deepStrictEqual(map([1, 2], (x) => x * 2), [2, 4]);
assert.equal(curry((a, b, c) => a + b + c)(1)(2, 3), 6);
later(1, (error, x) => assert.equal(x, 2));
