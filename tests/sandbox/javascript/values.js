// changed: -0,
// to: 0,
const f = (x) => x; const made = () => [NaN, -0, 2n ** 70n, undefined, new Date(5), /a/gi, new Map([[1, new Set(['x'])]]), new Uint8Array([1, 2]), [1, , 3], Object.freeze({ a: 1 })];
// ---- test ----
const assert = require('assert');
for (const x of [...made(), 'a\ud800', Buffer.from('hi'), { a: { b: [] } }])
  assert.deepStrictEqual(f(x), x);
const [nan, zero, big, , date, pattern, map, bytes, holes, frozen] = made();
assert(Number.isNaN(nan) && Object.is(zero, -0) && big === 1180591620717411303424n);
assert(date.getTime() === 5 && pattern.test('bA') && map.get(1).has('x') && bytes[1] === 2);
assert(holes.length === 3 && !(1 in holes) && Object.isFrozen(frozen));
const ring = [1]; ring.push(ring);
assert.strictEqual(f(ring), ring); assert.strictEqual(f(ring)[1], ring);
