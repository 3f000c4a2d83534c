// changed: a * b
// to: a
import fs from 'fs';
export const add = (a, b) => a + b;
export default class Calc {
  mul(a, b) { return a * b }
}
export function where() { return typeof fs.readFileSync }
// ---- test ----
import Calc, { add, where } from './calc.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
test('adds', async (t) => { await t.test('inner', () => { assert.equal(add(1, 2), 3) }) });
test('multiplies', () => { assert.equal(new Calc().mul(2, 3), 6); assert.equal(where(), 'function') });
const { add: again } = await import('./calc.js'); assert.equal(again(1, 1), 2);
