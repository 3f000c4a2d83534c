"use strict";
/* Before anything is drawn: the colours that were chosen, and what a library asks of its surroundings. */
(() => {
  window.process = { env: { NODE_ENV: "production" } };
  const chosen = window.localStorage.getItem("plumb-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  // The token has become a cookie that scripts cannot read: it need not stand in the address.
  if (window.location.search) {
    window.history.replaceState(null, "", window.location.pathname + window.location.hash);
  }
})();
