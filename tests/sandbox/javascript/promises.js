// changed: i < n
// to: i <= n
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function retry(f, n) { for (;;) { try { return await f() } catch (e) { if (!--n) throw e; await sleep(1) } } }
const all = (ps) => Promise.all(ps); async function* count(n) { for (let i = 0; i < n; i++) yield i }
// ---- test ----
const assert = require('assert');
(async () => {
  let n = 0;
  assert.equal(await retry(async () => { if (++n < 3) throw new Error('x'); return n }, 5), 3);
  await assert.rejects(retry(async () => { throw new RangeError('y') }, 2), RangeError);
  assert.deepStrictEqual(await all([1, Promise.resolve(2)]), [1, 2]);
  const seen = []; for await (const x of count(3)) seen.push(x); assert.deepStrictEqual(seen, [0, 1, 2]);
})();
