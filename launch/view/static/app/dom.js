/* Preact and htm as one, and what every module needs of them. */
import { h, render, Fragment } from "preact";
import htm from "../vendor/htm/htm.mjs";

export { render, Fragment };
export {
  useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/preact/hooks.mjs";
export const html = htm.bind(h);

/* Scripts and styles of libraries that are not needed at first. */
const loading = new Map();

export function script(path) {
  if (!loading.has(path)) {
    loading.set(path, new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = `/static/vendor/${path}`;
      element.onload = resolve;
      element.onerror = () => {
        loading.delete(path);
        element.remove();
        reject(new Error(`${path} did not load`));
      };
      document.head.append(element);
    }));
  }
  return loading.get(path);
}

export function style(path) {
  if (document.querySelector(`link[href="/static/vendor/${path}"]`)) return;
  const element = document.createElement("link");
  element.rel = "stylesheet";
  element.href = `/static/vendor/${path}`;
  document.head.append(element);
}
