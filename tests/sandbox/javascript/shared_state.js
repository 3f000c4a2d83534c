// changed: [...this.#items]
// to: this.#items
class Cart { #items = [1, 2]; items() { return [...this.#items] } }
// ---- test ----
const assert = require('assert');
const c = new Cart(); const items = c.items(); items.push(3);
assert.deepStrictEqual(c.items(), [1, 2]);
