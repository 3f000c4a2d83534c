// changed: 'empty'
// to: 'none'
class Stack { #a = []; push(x) { this.#a.push(x); return this }
  pop() { if (!this.#a.length) throw new Error('empty'); return this.#a.pop() }
  get size() { return this.#a.length } }
const area = (a, b) => a * b; module.exports = { Stack, area };
// ---- test ----
const { Stack, area } = require('./stack');
describe('Stack', () => {
  let s;
  beforeEach(() => { s = new Stack() });
  it('pushes', () => { s.push(1).push(2); expect(s.size).toBe(2); expect(s.pop()).toBe(2) });
  it('is empty', () => { expect(() => s.pop()).toThrow('empty'); expect(s).toBeInstanceOf(Stack) });
  test.each([[2, 3, 6], [0.1, 3, 0.3]])('%d', (a, b, c) => { expect(area(a, b)).toBeCloseTo(c) });
  it.skip('no', () => { expect(1).toBe(2) });
  it('done', (done) => { setTimeout(done, 1) });
});
