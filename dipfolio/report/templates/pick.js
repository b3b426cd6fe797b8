"use strict";
(() => {
  const bar = document.getElementById("command");
  if (!bar) return;
  const boxes = [...document.querySelectorAll("#runs input")], code = bar.querySelector("code"), copy = bar.querySelector("button");
  const quoted = name => /^[\w.,=-]+$/.test(name) ? name : `'${name.replace(/'/g, "'\\''")}'`;
  const show = () => {
    const names = boxes.filter(box => box.checked).map(box => box.value);
    bar.hidden = names.length === 0;
    code.textContent = `python backtest.py compare ${names.map(quoted).join(" ")}`;
    copy.textContent = "Copy";
  };
  for (const box of boxes) box.addEventListener("change", show);
  copy.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(code.textContent); copy.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(code); copy.textContent = "Selected"; }
  });
  show();
})();
