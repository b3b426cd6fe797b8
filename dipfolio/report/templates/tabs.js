"use strict";
(() => {
  const list = document.querySelector("[role=tablist]"), tabs = [...list.querySelectorAll("[role=tab]")];
  const panel = tab => document.getElementById(tab.getAttribute("aria-controls"));
  const keys = { ArrowRight: n => n + 1, ArrowLeft: n => n - 1, Home: () => 0, End: () => tabs.length - 1 };
  const select = (tab, focus) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      panel(other).hidden = other !== tab;
    }
    document.getElementById("toolbar").hidden = !panel(tab).querySelector(".chart");
    if (focus) tab.focus();
    document.dispatchEvent(new CustomEvent("panel", { detail: panel(tab).id }));
  };
  list.hidden = false;
  for (const tab of tabs) {
    tab.addEventListener("click", () => select(tab, true));
    tab.addEventListener("keydown", event => {
      const move = keys[event.key];
      if (!move) return;
      event.preventDefault();
      select(tabs[(move(tabs.indexOf(tab)) + tabs.length) % tabs.length], true);
    });
  }
  window.addEventListener("DOMContentLoaded", () => select(tabs.find(t => `#${panel(t).id}` === location.hash) || tabs[0], false));
})();
