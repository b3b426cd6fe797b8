"use strict";
document.documentElement.classList.add("js");
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const remember = value => { try { localStorage.setItem("dipfolio-theme", value); } catch { /* no memory for pages from disk */ } };
  const remembered = () => { try { return localStorage.getItem("dipfolio-theme"); } catch { return null; } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Change to the ${isDark() ? "light" : "dark"} theme`);
    document.dispatchEvent(new Event("theme"));
  };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; remember(root.dataset.theme); show(); });
  system.addEventListener("change", show);
  show();
})();
