// changed: : -1
// to: : 0
Array.prototype.last = function () { return this.length ? this[this.length - 1] : -1 };
Function.prototype.myCall = function (self, ...a) { return this.apply(self, a) };
// ---- test ----
const assert = require('assert');
assert.equal([1, 2].last(), 2); assert.equal([].last(), -1);
assert.equal(function (b) { return this.a + b }.myCall({ a: 1 }, 2), 3);
