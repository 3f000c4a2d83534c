// changed: c: 3
// to: c: 4
const make = () => ({ list: [3, 1], inner: { c: 3 } });
// ---- test ----
const { expect, assert } = require('chai');
it('makes', () => {
  expect(make()).to.deep.equal({ list: [3, 1], inner: { c: 3 } }); expect(make().list).to.have.members([1, 3]);
  expect(make()).to.have.property('inner').that.deep.equals({ c: 3 }); expect(() => null.x).to.throw(TypeError);
  assert.lengthOf(make().list, 2); assert.isTrue(true); expect(make().list).to.have.lengthOf(2).and.include(3) });
