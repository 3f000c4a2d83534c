// changed: 'no'
// to: 'nope'
class Bad extends TypeError { constructor(m) { super(m); this.name = 'Bad'; this.code = 7 } }
function f() { throw new Bad('no') }
module.exports = { f, Bad };
// ---- test ----
const { f, Bad } = require('./solution'); const assert = require('assert');
assert.throws(f, TypeError); assert.throws(f, Bad); assert.throws(f, /Bad: no/);
assert.throws(f, { name: 'Bad', message: 'no', code: 7 });
try { f(); assert.fail() } catch (e) { assert(e instanceof Bad && e instanceof Error) }
