// changed: now - t >= ms
// to: now - t >= 2 * ms
function debounce(f, ms) { let t; return (...a) => { clearTimeout(t); t = setTimeout(() => f(...a), ms) } }
function throttle(f, ms) { let t = -Infinity; return () => { const now = Date.now(); if (now - t >= ms) { t = now; f() } } }
// ---- test ----
jest.useFakeTimers();
test('waits', () => {
  const f = jest.fn(), g = debounce(f, 1000); g(1); g(2); expect(f).not.toHaveBeenCalled();
  jest.advanceTimersByTime(1000); expect(f).toHaveBeenCalledTimes(1); expect(f).toHaveBeenCalledWith(2);
  const h = jest.fn(), k = throttle(h, 100); k(); k(); expect(h).toHaveBeenCalledTimes(1);
  jest.advanceTimersByTime(100); k(); expect(h).toHaveBeenCalledTimes(2) });
