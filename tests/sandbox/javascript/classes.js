// changed: valueOf() { return this.a }
// to: valueOf() { return 1 }
class Animal { constructor(n) { this.n = n } speak() { return `${this.n}: ${this.sound()}` }
  static of(n) { return new Animal(n) } get loud() { return this.n.toUpperCase() } }
class Sum { constructor(a) { this.a = a } valueOf() { return this.a } toString() { return `<${this.a}>` } }
// ---- test ----
const assert = require('assert');
class Dog extends Animal { sound() { return 'woof' } }
const d = new Dog('rex'); assert.equal(d.speak(), 'rex: woof'); assert.equal(d.loud, 'REX');
assert(d instanceof Dog && d instanceof Animal && Animal.of('x') instanceof Animal);
assert.equal(new Sum(1) + new Sum(2), 3); assert.equal(`${new Sum(1)}`, '<1>');
assert(new Sum(1) < new Sum(2)); assert.deepEqual(Object.keys(d), ['n']);
