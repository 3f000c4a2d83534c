/* Keys, and the list of them. */
import { html, useEffect, useRef } from "./dom.js";

const KEYS = [
  ["j k", "the next answer, the one before"], ["a r t g", "how it is shown: answer, raw text, tokens, group"],
  ["v", "grade it anew"], ["Esc", "close it"], ["/", "search texts"], ["1 … 5", "pages"], ["d", "dark or light"], ["?", "these keys"],
];
const VIEW_KEYS = { a: "answer", r: "raw", t: "tokens", g: "group" };

export function useKeys({ commands, turn, help, pages, search }) {
  useEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range" && event.target.type !== "checkbox";
      if (typing) {
        if (event.key === "Escape") event.target.blur();
        return;
      }
      if (document.querySelector("dialog[open]")) return;
      const { key } = event;
      const own = commands.current;
      const inList = event.target.closest?.("[data-list]");
      let done = true;
      if (key === "j" || (key === "ArrowDown" && inList)) own.next?.();
      else if (key === "k" || (key === "ArrowUp" && inList)) own.previous?.();
      else if (key === "Escape") own.close?.();
      else if (VIEW_KEYS[key]) own.view?.(VIEW_KEYS[key]);
      else if (key === "v") own.grade?.();
      else if (key === "/") search();
      else if (key === "d") turn();
      else if (key === "?") help();
      else if (/^[1-5]$/.test(key)) pages[Number(key) - 1]();
      else done = false;
      if (done) event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });
}

export function HelpDialog({ close }) {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog ref=${dialog} onClose=${close} aria-label="Keys">
    <h2 style="margin-top: 0">Keys</h2>
    <dl>${KEYS.map(([keys, words]) => html`<dt key=${keys}>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${words}</dd>`)}</dl>
    <form method="dialog"><button autofocus onClick=${() => dialog.current.close()}>Close</button></form>
  </dialog>`;
}
