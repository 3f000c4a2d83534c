// changed: head.next = last;
// to: 
var reverse = function (head) { let last = null;
  while (head) { const next = head.next; head.next = last; last = head; head = next } return last };
// ---- test ----
function ListNode(val, next) { this.val = val; this.next = next ?? null }
let r = reverse(new ListNode(1, new ListNode(2, new ListNode(3)))); const seen = [];
for (; r; r = r.next) seen.push(r.val); console.assert(seen.join() === '3,2,1');
