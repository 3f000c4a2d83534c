// jest.fn, jest.spyOn and their like, and a clock that a test winds.
//
// Guarantee: what a mock has seen can be read through it, and not be written.
"use strict";

const { equals } = require("./equality.js");

const mocks = new WeakMap();

function isMock(value) {
  return mocks.has(value);
}

function callsOf(value) {
  if (!mocks.has(value)) throw new TypeError("the value is no mock function");
  return mocks.get(value);
}

const empty = () => ({ calls: [], results: [], instances: [], contexts: [], lastCall: undefined, invocationCallOrder: [] });

let order = 0;

function fn(implementation) {
  const own = { state: empty(), implementation, first: implementation, once: [] };
  const mock = function (...args) {
    const { state } = own;
    state.calls.push(args);
    state.lastCall = args;
    state.contexts.push(this);
    state.instances.push(this);
    state.invocationCallOrder.push(++order);
    const result = { type: "incomplete", value: undefined };
    state.results.push(result);
    const body = own.once.length ? own.once.shift() : own.implementation;
    try {
      if (body) result.value = new.target ? Reflect.construct(body, args, new.target) : Reflect.apply(body, this, args);
      result.type = "return";
      return result.value;
    } catch (error) {
      [result.type, result.value] = ["throw", error];
      throw error;
    }
  };
  mocks.set(mock, own);
  const set = (body) => ((own.implementation = body), mock);
  const once = (body) => (own.once.push(body), mock);
  const clear = () => ((own.state = empty()), mock);
  const reset = (body) => ((own.once = []), (own.implementation = body), clear());
  define(mock, {
    ...{ _isMockFunction: true, getMockName: () => "mock", mockName: () => mock },
    ...{ mockImplementation: set, mockImplementationOnce: once, getMockImplementation: () => own.implementation },
    ...{ mockReturnValue: (value) => set(() => value), mockReturnValueOnce: (value) => once(() => value) },
    mockResolvedValue: (value) => set(async () => value),
    mockResolvedValueOnce: (value) => once(async () => value),
    mockRejectedValue: (error) => set(async () => Promise.reject(error)),
    mockRejectedValueOnce: (error) => once(async () => Promise.reject(error)),
    mockReturnThis: () => set(function () { return this; }),
    ...{ mockClear: clear, mockReset: () => reset(undefined), mockRestore: () => reset(own.first) },
    // node:test's and sinon's words for the same
    callCount: () => own.state.calls.length,
  });
  Object.defineProperty(mock, "mock", { get: () => view(own, mock) });
  return mock;
}

function view(own, mock) {
  const { state } = own;
  return {
    ...state,
    callCount: () => state.calls.length,
    resetCalls: () => void mock.mockClear(),
    mockImplementation: mock.mockImplementation,
    restore: () => mock.mockRestore(),
  };
}

function define(object, properties) {
  for (const [key, value] of Object.entries(properties)) Object.defineProperty(object, key, { value });
}

class Mocks {
  // `unusable` makes the error of a test that wants what is not there.
  constructor(unusable) {
    this.unusable = unusable;
    this.spied = [];
    this.all = [];
  }

  fn(implementation) {
    const mock = fn(implementation);
    this.all.push(mock);
    return mock;
  }

  spyOn(object, key, access) {
    if (access === "get" || access === "set") return this.spyOnAccessor(object, key, access);
    const original = object[key];
    if (isMock(original)) return original;
    const isOwn = Object.hasOwn(object, key);
    const mock = this.fn(original);
    const put = (value) => {
      const enumerable = isOwn ? Object.getOwnPropertyDescriptor(object, key).enumerable : true;
      Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
    };
    put(mock);
    const restore = () => (isOwn ? put(original) : delete object[key]);
    this.spied.push(restore);
    define(mock, { restore });
    mocks.get(mock).restore = restore;
    return mock;
  }

  spyOnAccessor(object, key, access) {
    const found = Object.getOwnPropertyDescriptor(object, key);
    const mock = this.fn(found?.[access]);
    Object.defineProperty(object, key, { ...found, [access]: mock, configurable: true });
    this.spied.push(() => Object.defineProperty(object, key, found));
    return mock;
  }

  restoreAll() {
    for (const restore of this.spied.splice(0).reverse()) restore();
  }

  // The object that jest and vitest call `jest` and `vi`.
  api(clock) {
    const each = (name) => () => void this.all.forEach((mock) => mock[name]());
    const api = {
      fn: (body) => this.fn(body),
      spyOn: (...args) => this.spyOn(...args),
      clearAllMocks: each("mockClear"),
      resetAllMocks: each("mockReset"),
      restoreAllMocks: () => this.restoreAll(),
      isMockFunction: isMock,
      mocked: (value) => value,
      setTimeout() {},
      retryTimes() {},
      ...clock,
    };
    api.useFakeTimers = (options) => (clock.useFakeTimers(options), api);
    return new Proxy(api, {
      get(target, key) {
        if (typeof key === "symbol" || key in target || key === "then" || key === "default") return target[key];
        throw this.unusable(`the test uses ${key} of jest or vitest, which is not known here`);
      },
      unusable: this.unusable,
    });
  }
}

const MOCK_MATCHERS = {
  toHaveBeenCalled: (mock) => callsOf(mock).state.calls.length > 0,
  toHaveBeenCalledTimes: (mock, count) => callsOf(mock).state.calls.length === count,
  toHaveBeenCalledOnce: (mock) => callsOf(mock).state.calls.length === 1,
  toHaveBeenCalledWith: (mock, ...args) => callsOf(mock).state.calls.some((call) => equals(call, args)),
  toHaveBeenLastCalledWith: (mock, ...args) => equals(callsOf(mock).state.lastCall, args),
  toHaveBeenNthCalledWith: (mock, nth, ...args) => equals(callsOf(mock).state.calls[nth - 1], args),
  toHaveReturned: (mock) => callsOf(mock).state.results.some(({ type }) => type === "return"),
  toHaveReturnedTimes: (mock, count) => callsOf(mock).state.results.filter(({ type }) => type === "return").length === count,
  toHaveReturnedWith: (mock, value) =>
    callsOf(mock).state.results.some((one) => one.type === "return" && equals(one.value, value)),
};
for (const [old, name] of Object.entries({
  ...{ toBeCalled: "toHaveBeenCalled", toBeCalledTimes: "toHaveBeenCalledTimes", toBeCalledWith: "toHaveBeenCalledWith" },
  ...{ lastCalledWith: "toHaveBeenLastCalledWith", nthCalledWith: "toHaveBeenNthCalledWith", toReturn: "toHaveReturned" },
  ...{ toReturnTimes: "toHaveReturnedTimes", toReturnWith: "toHaveReturnedWith" },
})) {
  MOCK_MATCHERS[old] = MOCK_MATCHERS[name];
}

module.exports = { Mocks, MOCK_MATCHERS };
