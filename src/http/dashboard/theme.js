// Light or dark, before the first paint: hence a classic script in the head, and no module.
//
// What the reader chose is kept in localStorage; without a choice the system's preference holds.
// Invariant: the root element always has a `data-theme`, so that the style has one dark block only.

"use strict";

(() => {
  const KEY = "swarmlet-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = read();

  function read() {
    try {
      const kept = localStorage.getItem(KEY);
      return kept === "dark" || kept === "light" ? kept : null;
    } catch {
      return null; // A browser may forbid storage; then the choice lasts as long as the page.
    }
  }

  function keep() {
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // As above.
    }
  }

  function apply() {
    const theme = chosen ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    label(theme);
    document.dispatchEvent(new Event("themechange"));
  }

  function label(theme) {
    const button = document.getElementById("theme");
    if (!button) return;
    const other = theme === "dark" ? "light" : "dark";
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use the ${other} theme`);
  }

  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme")?.addEventListener("click", () => {
      chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      keep();
      apply();
    });
    apply();
  });
  apply();
})();
